import { afterEach, expect, it } from 'vitest';
import { eventually } from '../../../nnrp-runtime/test/support/eventually.js';
import { bindWebSocket, connectWebSocket, type WebSocketServerOptions } from '../../src/index.js';
import { connectTo, readHead, upgradeRequest } from '../upgrading.js';

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const each of undo.splice(0).reverse()) await each();
});

async function serving(options: WebSocketServerOptions = {}) {
  const server = await bindWebSocket('127.0.0.1:0', options);
  undo.push(() => server.close());
  server.serve({ submit: (operation) => operation.body }).catch(() => {});
  return server;
}

/** Keeps the process busy, as a computation does that leaves no room for anything else. */
function block(ms: number): void {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
}

it('a client that was busy longer than it may take to connect looks at what has come first', async () => {
  const server = await serving();
  const connecting = connectWebSocket(server.localAddress, { connectTimeoutMs: 200 });
  block(600);
  const client = await connecting;
  undo.push(() => client.close());
  expect(await client.ping()).toBeGreaterThan(0);
});

it('a server that was busy longer than an upgrade may take reads the request first', async () => {
  const server = await serving({ handshakeTimeoutMs: 200 });
  const socket = await connectTo(server.localAddress);
  undo.push(() => socket.destroy());
  await eventually(() => server.stats().webSocketHandshakes?.value === 1, 'the connection was taken');
  socket.write(upgradeRequest());
  block(600);
  expect(await readHead(socket)).toMatch(/^HTTP\/1\.1 101 /);
});
