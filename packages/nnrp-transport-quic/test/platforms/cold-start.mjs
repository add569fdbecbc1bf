// node test/platforms/cold-start.mjs [RUNS]   after a build
// What a process pays for its first use of the package, in milliseconds of a clock and of processors: nnrp-runtime is loaded
// before, the package is imported, and a server listens, which is when a first handshake can be taken. `process` is a whole
// process that does so, nnrp-runtime included, less one that does nothing. Each run is a process of its own.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const runs = process.argv[2] ?? '9';
if (runs === 'once') await once();
else all(Number(runs));

async function once() {
  await import('nnrp-runtime');
  const began = now();
  const { QuicFramedListener, QuicServerEndpointConfig } = await import('../../dist/index.js');
  const imported = now();
  // A key is made here, which is no part of it.
  const { config } = QuicServerEndpointConfig.selfSignedLocalhost('127.0.0.1:0');
  const made = now();
  const listener = await QuicFramedListener.bind(config);
  const ready = now();
  await listener.close();
  const between = (from, to) => ({ ms: to.ms - from.ms, cpuMs: to.cpuMs - from.cpuMs });
  const [importing, binding] = [between(began, imported), between(made, ready)];
  const both = { ms: importing.ms + binding.ms, cpuMs: importing.cpuMs + binding.cpuMs };
  console.log(JSON.stringify({ importing, binding, both, making: between(imported, made) }));
}

function now() {
  const { user, system } = process.cpuUsage();
  return { ms: performance.now(), cpuMs: (user + system) / 1000 };
}

/** @returns what the process has printed, and how long it took from its start to its end */
function run(...args) {
  const beganMs = performance.now();
  const printed = execFileSync(process.execPath, args, { encoding: 'utf8' });
  return { printed, ms: performance.now() - beganMs };
}

function all(count) {
  const self = fileURLToPath(import.meta.url);
  const results = Array.from({ length: count }, () => {
    const bare = run('-e', '0').ms;
    const { printed, ms } = run(self, 'once');
    const result = JSON.parse(printed);
    return { ...result, process: { ms: ms - bare - result.making.ms } };
  });
  const summary = (numbers) => {
    const sorted = numbers.sort((a, b) => a - b);
    return `least ${sorted[0].toFixed(1)} ms, median ${sorted[Math.floor(sorted.length / 2)].toFixed(1)} ms`;
  };
  for (const name of ['importing', 'binding', 'both', 'process']) {
    const wall = summary(results.map((result) => result[name].ms));
    const cpu = name === 'process' ? '' : `; CPU time ${summary(results.map((result) => result[name].cpuMs))}`;
    console.log(`${name.padEnd(10)} ${wall}${cpu}`);
  }
}
