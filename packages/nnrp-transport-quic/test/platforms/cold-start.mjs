// node test/platforms/cold-start.mjs [RUNS]   after a build
// What a process pays for its first use of the package, in milliseconds: nnrp-runtime is loaded before, the package is
// imported, and a server listens, which is when a first handshake can be taken. Each run is a process of its own.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const runs = process.argv[2] ?? '9';
if (runs === 'once') await once();
else all(Number(runs));

async function once() {
  await import('nnrp-runtime');
  const beganMs = performance.now();
  const { QuicFramedListener, QuicServerEndpointConfig } = await import('../../dist/index.js');
  const importedMs = performance.now();
  // A key is made here, which is no part of it.
  const { config } = QuicServerEndpointConfig.selfSignedLocalhost('127.0.0.1:0');
  const madeMs = performance.now();
  const listener = await QuicFramedListener.bind(config);
  const readyMs = performance.now();
  await listener.close();
  const [imported, ready] = [importedMs - beganMs, readyMs - madeMs];
  console.log(JSON.stringify({ imported, ready, both: imported + ready }));
}

function all(count) {
  const self = fileURLToPath(import.meta.url);
  const results = Array.from({ length: count }, () =>
    JSON.parse(execFileSync(process.execPath, [self, 'once'], { encoding: 'utf8' })),
  );
  for (const name of ['imported', 'ready', 'both']) {
    const sorted = results.map((result) => result[name]).sort((a, b) => a - b);
    const [least, median] = [sorted[0], sorted[Math.floor(sorted.length / 2)]];
    console.log(`${name.padEnd(8)} least ${least.toFixed(1)} ms, median ${median.toFixed(1)} ms`);
  }
}
