import { once } from 'node:events';
import { afterEach, expect, it } from 'vitest';
import { issue } from '../../../nnrp-runtime/test/support/certificates.js';
import { RecordPeer } from '../../../nnrp-runtime/test/transport/tls/record-peer.js';
import { bindWebSocket } from '../../src/index.js';
import { upgradeRequest } from '../upgrading.js';

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

it.each(['before', 'after'])(
  'a flood of TLS records without data %s the upgrade costs a peer its connection',
  async (when) => {
    const { certificate, key } = await issue({ name: 'CN=server', ips: ['127.0.0.1'] });
    const told: string[] = [];
    const server = await bindWebSocket('127.0.0.1:0', {
      tls: { certificateChain: certificate, privateKey: key },
      handshakeTimeoutMs: 60_000,
      onHandshakeFailure: ({ message }) => void told.push(message),
    });
    server.on('connectionLost', ({ error }) => void told.push(error.message));
    void server.serve({ submit: ({ body }) => body });
    const peer = await RecordPeer.connect(Number(new URL(server.localAddress).port));
    cleanup.push(
      () => server.close(),
      () => peer.connection.destroy(),
    );
    if (when === 'after') {
      peer.connection.write(peer.data(Buffer.from(upgradeRequest())));
      await expect.poll(() => server.connectionCount).toBe(1);
    }
    const closed = once(peer.connection, 'close');
    peer.connection.write(peer.keyUpdates(20_000));
    await closed;
    // Who has asked for nothing is nobody's connection: nothing is told of it.
    const expected = when === 'before' ? [] : [expect.stringContaining('records of TLS that carry no data')];
    await expect.poll(() => told).toEqual(expected);
  },
);
