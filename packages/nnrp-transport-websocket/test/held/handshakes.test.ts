import { afterEach, it } from 'vitest';
import { requireFreshBuilds } from '../../../../tools/fresh-build.mjs';
import { endAll } from '../../../nnrp-runtime/test/processes/memory-bounds/driven-end.js';
import { type Driven, drive } from '../../../nnrp-runtime/test/processes/memory-bounds/driven-server.js';
import { upgradeRequest } from '../upgrading.js';

/*
 * Connections without an upgrade, as many as there may be: what is held for them is what docs/memory.md says.
 */

const KIB = 1024;

afterEach(endAll);

function waiting(request: string): Driven {
  requireFreshBuilds('packages/nnrp-transport-websocket');
  const at = new URL('../../dist/index.js', import.meta.url).href;
  return {
    name: 'webSocketHandshakes',
    use: 'receive',
    package: { at, options: { maxHandshakesPerAddress: 0, handshakeTimeoutMs: 100_000 } },
    connections: 1100,
    bytes: () => [Buffer.from(request)],
    least: 1024,
    bytesOfOne: 50 * KIB,
    resident: true,
  };
}

const usual = upgradeRequest().slice(0, -2);

it.each([
  ['that say nothing', ''],
  ['that do not end their request', usual],
  ['with one long header', `${usual}x: ${'a'.repeat(15 * KIB)}`],
  [
    'with many short headers',
    usual + Array.from({ length: 1500 }, (_, index) => `x${index.toString(36)}: 1\r\n`).join(''),
  ],
])(
  'connections without an upgrade %s hold what they are counted as',
  (_name, request) => drive(waiting(request)),
  60_000,
);
