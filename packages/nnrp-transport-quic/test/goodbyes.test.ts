import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { ProtocolError } from 'nnrp-core';
import type { FramedTransport } from 'nnrp-runtime/transport';
import { afterEach, describe, expect, it } from 'vitest';
import { RecordingSink } from '../../nnrp-runtime/src/testing/recording-sink.js';
import { assertTestPacket, TestPacket } from '../../nnrp-runtime/src/testing/test-packet.js';
import { QuicConnector, QuicFramedListener, QuicServerEndpointConfig } from '../src/index.js';
import { UdpProxy } from './udp-proxy.js';

const LIMIT_CODE = 7;

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

/** Both ends of a connection through a network that loses, doubles and reorders so many per cent. */
async function pair(percent = 0): Promise<{ near: FramedTransport; far: FramedTransport; proxy: UdpProxy }> {
  const { config, certificate } = QuicServerEndpointConfig.selfSignedLocalhost('127.0.0.1:0');
  const listener = await QuicFramedListener.bind(config);
  const weather = { lossPercent: percent, duplicatePercent: percent, reorderPercent: percent };
  const proxy = await UdpProxy.before(listener.address, weather);
  const near = await new QuicConnector(proxy.address, { roots: certificate.certificateDer }).connect();
  const far = await listener.accept();
  undo.push(
    () => proxy.close(),
    () => listener.close(),
    () => near.abort(),
    () => far.abort(),
  );
  return { near, far, proxy };
}

function started(transport: FramedTransport): RecordingSink {
  const sink = new RecordingSink(30_000);
  transport.start(sink);
  return sink;
}

describe('close()', () => {
  it.each([0, 3])(
    'loses nothing of 20 MB that were taken for sending, with %i of a hundred datagrams lost',
    async (percent) => {
      const { near, far } = await pair(percent);
      const [nearSink, farSink] = [started(near), started(far)];
      for (let number = 1; number <= 20; number++) far.send(new TestPacket(number, 1_000_000));
      const over = far.close();
      await Promise.all([nearSink.untilClosed(), farSink.untilClosed(), over]);
      expect(nearSink.packets).toHaveLength(20);
      for (const [index, packet] of nearSink.packets.entries()) assertTestPacket(packet, index + 1, 1_000_000);
      expect([nearSink.closes, farSink.closes]).toEqual([[undefined], [undefined]]);
    },
  );

  it('is over in bounded time when the peer has gone dark', async () => {
    const { near, far, proxy } = await pair();
    started(far);
    const sink = started(near);
    near.send(new TestPacket(1, 5_000_000));
    proxy.dark = true;
    const before = performance.now();
    await near.close();
    // Two seconds without progress.
    expect(performance.now() - before).toBeLessThan(10_000);
    expect(sink.closes).toHaveLength(1);
  });
});

describe('abort() with the code of a broken rule', () => {
  it.each(['near', 'far'] as const)('says at the other end which, from the %s end', async (end) => {
    const both = await pair();
    const sinks = { near: started(both.near), far: started(both.far) };
    const error = new ProtocolError('too much', LIMIT_CODE);
    both[end].abort(error);
    const other = sinks[end === 'near' ? 'far' : 'near'];
    await Promise.all([other.untilClosed(), sinks[end].untilClosed()]);
    expect(sinks[end].closes).toEqual([error]);
    expect(other.closes[0]?.message).toMatch(
      /the peer has ended the connection: LimitExceeded \(application error 0x7, 'NNRP_ERR_PROTOCOL'\)/,
    );
  });
});

describe('a process', () => {
  it('ends by itself when its client and its server are closed', async () => {
    const script = `
      import { QuicProvider, QuicServerEndpointConfig } from 'nnrp-transport-quic';
      const { config, certificate } = QuicServerEndpointConfig.selfSignedLocalhost('127.0.0.1:0');
      const server = await QuicProvider.bind(config);
      void server.serve({ submit: ({ body }) => body });
      const client = await QuicProvider.connect(server.localAddr, { roots: certificate.certificateDer });
      const session = await client.openSession({ defaultDeadlineMs: 0 });
      console.log(new TextDecoder().decode((await (await session.submit('answered')).result()).body));
      await client.close();
      await server.close();
    `;
    const cwd = new URL('..', import.meta.url);
    // Killed, and so a failure, when it does not end.
    const options = { cwd, timeout: 20_000 };
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], options);
    expect(stdout).toBe('answered\n');
  });
});
