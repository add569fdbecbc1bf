import { expect, it } from 'vitest';
import { bindQuic, connectQuic, QuicServerEndpointConfig } from '../../src/index.js';

/** Keeps the process busy, as a computation does that leaves no room for anything else. */
function block(ms: number): void {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
}

it('a client that was busy longer than it may take to connect looks at what has come first', async () => {
  const { config, certificate } = QuicServerEndpointConfig.selfSignedLocalhost('127.0.0.1:0');
  const server = await bindQuic(config);
  const connecting = connectQuic(server.localAddress, { roots: certificate.certificateDer }, { connectTimeoutMs: 500 });
  block(1500);
  const client = await connecting;
  expect(await client.ping()).toBeGreaterThan(0);
  await client.close();
  await server.close();
});

it('a client that was busy longer than a handshake may take looks at what has come first', async () => {
  const { config, certificate } = QuicServerEndpointConfig.selfSignedLocalhost('127.0.0.1:0');
  const server = await bindQuic(config);
  const options = { roots: certificate.certificateDer, handshakeTimeoutMs: 500 };
  const connecting = connectQuic(server.localAddress, options);
  connecting.catch(() => {});
  await new Promise((resolve) => setImmediate(resolve));
  block(1500);
  const client = await connecting;
  expect(await client.ping()).toBeGreaterThan(0);
  await client.close();
  await server.close();
});
