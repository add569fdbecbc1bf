import { availableParallelism } from 'node:os';
import { NnrpServer } from 'nnrp-runtime';
import { Piscina } from 'piscina';

/*
 * Work that computes would hold up every session if it ran beside the sockets: it goes to a pool of threads. When a
 * frame is cancelled, expires or loses its client, its signal stops the thread in the middle of the computation.
 */

const [address = '127.0.0.1:4433', threads = availableParallelism()] = process.argv.slice(2);
const maxThreads = Number(threads);
const pool = new Piscina({ filename: new URL('count-primes.js', import.meta.url).href, minThreads: 1, maxThreads });

const server = await NnrpServer.bindTcp(address);
console.log(`listening on ${server.localAddress}`);
process.once('SIGINT', () => server.close());
server.on('handlerFailure', ({ error }) => console.error(error));

await server.serve(
  {
    async submit(operation) {
      const { frameId, signal } = operation;
      signal.addEventListener('abort', () => console.log(`frame ${frameId} stopped: ${signal.reason.code}`));
      const primes = await pool.run(Number(operation.text()), { signal });
      return String(primes);
    },
  },
  // What the threads cannot take yet waits in the server, where interactive sessions go first.
  { maxConcurrentOperations: maxThreads },
);
await pool.destroy();
