import { NnrpClient, NnrpServer } from 'nnrp-runtime';
import { transportCompliance } from 'nnrp-runtime/testing';
import {
  type FramedConnector,
  type FramedListener,
  type FramedTransport,
  MemoryListener,
  type OutboundPacket,
  type PacketSink,
} from 'nnrp-runtime/transport';
import { describe, expect, it } from 'vitest';
import { TRANSPORT_KIND } from '../src/index.js';

/** A connection that says it is QUIC; the memory transport moves its packets. */
class StandInTransport implements FramedTransport {
  readonly kind = TRANSPORT_KIND;

  constructor(private readonly inner: FramedTransport) {}

  get remoteAddress(): string {
    return this.inner.remoteAddress;
  }
  start(sink: PacketSink): void {
    this.inner.start(sink);
  }
  send(packet: OutboundPacket): boolean {
    return this.inner.send(packet);
  }
  pause(): void {
    this.inner.pause();
  }
  resume(): void {
    this.inner.resume();
  }
  close(): Promise<void> {
    return this.inner.close();
  }
  abort(error?: Parameters<FramedTransport['abort']>[0]): void {
    this.inner.abort(error);
  }
}

/** Where the QUIC listener and connector will be. */
class StandInListener implements FramedListener, FramedConnector {
  readonly kind = TRANSPORT_KIND;
  readonly address = '127.0.0.1:4433';
  private readonly inner = new MemoryListener();

  async accept(): Promise<FramedTransport> {
    return new StandInTransport(await this.inner.accept());
  }
  async connect(): Promise<FramedTransport> {
    return new StandInTransport(await this.inner.connect());
  }
  close(): Promise<void> {
    return this.inner.close();
  }
}

describe('the contract of a transport', () => {
  const cases = transportCompliance({
    async listen() {
      const listener = new StandInListener();
      return { listener, connect: () => listener.connect(), close: () => listener.close() };
    },
  });
  for (const { name, run } of cases) it(name, run);
});

describe('a listener of kind quic', () => {
  it('is taken by a server, which carries sessions over it', async () => {
    const listener = new StandInListener();
    const server = NnrpServer.fromListener(listener, { transport: TRANSPORT_KIND });
    expect([server.config.transport, server.localAddr]).toEqual(['quic', '127.0.0.1:4433']);
    const client = NnrpClient.fromTransport(await listener.connect());
    const clientSession = await client.openSession();
    const session = await server.accept();
    const operation = await clientSession.submit('prompt');
    const { frameId, body } = await session.receiveSubmit();
    await session.sendResult(frameId, {}, body);
    expect(new TextDecoder().decode((await operation.result()).body)).toBe('prompt');
    const closing = clientSession.close();
    await session.ackClose(await session.receiveClose());
    await closing;
    await client.close();
    await server.close();
  });

  it('is refused by a configuration for another transport', () => {
    const config = { transport: 'tcp' };
    expect(() => NnrpServer.fromListener(new StandInListener(), config)).toThrow(/transport is tcp, .* is quic/);
  });
});
