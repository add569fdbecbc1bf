/** Counts the primes below a limit, the slow way; runs in the threads of worker-pool.js. */
export default function countPrimes(limit) {
  let primes = 0;
  for (let number = 2; number < limit; number++) if (isPrime(number)) primes++;
  return primes;
}

function isPrime(number) {
  for (let divisor = 2; divisor * divisor <= number; divisor++) if (number % divisor === 0) return false;
  return true;
}
