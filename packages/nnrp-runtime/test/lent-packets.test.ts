import { Duplex } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { RecordingSink } from '../src/testing/recording-sink.js';
import { TestPacket } from '../src/testing/test-packet.js';
import { StreamTransport } from '../src/transport/stream-transport.js';

const HEAD_BYTES = new TestPacket(0, 0).headBytes;
const cleanup: StreamTransport[] = [];
afterEach(() => {
  for (const transport of cleanup.splice(0)) transport.abort();
});

/** A stream that takes a write when it is told to, and keeps how long the chunks were when they came. */
class Slow extends Duplex {
  readonly written: number[] = [];
  private pending: (() => void)[] = [];

  override _read(): void {}

  override _writev(chunks: readonly { chunk: Buffer }[], callback: () => void): void {
    this.written.push(chunks.reduce((sum, { chunk }) => sum + chunk.length, 0));
    this.pending.push(callback);
  }

  /** Completes the write that is under way. */
  async complete(): Promise<void> {
    this.pending.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function over(stream: Duplex, maxWriteBytes?: number, borrowsWrites: 'call' | 'callback' = 'call') {
  const options = { kind: 'test', remoteAddress: 'test', borrowsWrites };
  const transport = new StreamTransport(stream, { ...options, ...(maxWriteBytes !== undefined && { maxWriteBytes }) });
  cleanup.push(transport);
  return transport;
}

function detach({ body }: TestPacket): void {
  structuredClone(body.buffer, { transfer: [body.buffer as ArrayBuffer] });
}

describe('a transport over a stream that borrows what it writes', () => {
  it('keeps bodies back until the stream can take them, and leaves out those that have gone', async () => {
    const stream = new Slow();
    const transport = over(stream);
    const sink = new RecordingSink();
    transport.start(sink);
    const packets = [1, 2, 3, 4].map((number) => new TestPacket(number, 20_000));
    for (const packet of packets) transport.send(packet);
    // The first is with the stream already.
    for (const packet of packets.slice(0, 3)) detach(packet);
    await stream.complete();
    await sink.until(() => sink.unsentFrames.length === 2, 'unsent()');
    expect(sink.unsentFrames).toEqual([2, 3]);
    expect(sink.unsentErrors[0]?.rawMessage).toMatch(/^frame 2 of session 32343 was not sent: .* 20000 bytes .* 0 now/);
    expect(stream.written).toEqual([HEAD_BYTES + 20_000, HEAD_BYTES + 20_000]);
  });

  it('promises a body with the first of its bytes: what does not fit the write is copied then', async () => {
    const stream = new Slow();
    const transport = over(stream, 64 * 1024);
    const sink = new RecordingSink();
    transport.start(sink);
    const long = new TestPacket(1, 200_000);
    transport.send(long);
    detach(long);
    for (let count = 0; count < 4; count++) await stream.complete();
    expect(stream.written.reduce((sum, bytes) => sum + bytes, 0)).toBe(HEAD_BYTES + 200_000);
    expect(sink.unsentFrames).toEqual([]);
  });

  it('aborts the connection with the error when nobody takes note of a packet that was left out', async () => {
    const stream = new Slow();
    const transport = over(stream);
    const closed = new Promise<unknown>((resolve) =>
      transport.start({ packet: () => {}, broken: () => {}, drained: () => {}, closed: resolve }),
    );
    const packets = [1, 2].map((number) => new TestPacket(number, 20_000));
    for (const packet of packets) transport.send(packet);
    detach(packets[1] as TestPacket);
    await stream.complete();
    expect(await closed).toMatchObject({ code: 'NNRP_ERR_USAGE', message: expect.stringContaining('frame 2') });
  });

  it('takes no body from where it is as long as the stream does not take everything at once', async () => {
    const stream = new Slow();
    const transport = over(stream, undefined, 'callback');
    const sink = new RecordingSink();
    transport.start(sink);
    const packets = [1, 2, 3].map((number) => new TestPacket(number, 200_000));
    for (const packet of packets) transport.send(packet);
    for (const packet of packets) detach(packet);
    await stream.complete();
    await stream.complete();
    expect(stream.written.reduce((sum, bytes) => sum + bytes, 0)).toBe(3 * (HEAD_BYTES + 200_000));
    expect([sink.unsentFrames, sink.closes]).toEqual([[], []]);
  });

  it('ends the connection when a body goes away while the stream is not done with it', async () => {
    let isFast = true;
    let done: () => void = () => {};
    const stream = new Duplex({
      read: () => {},
      writev: (_chunks, callback) => {
        if (isFast) callback();
        else done = callback;
      },
    });
    const transport = over(stream, undefined, 'callback');
    const sink = new RecordingSink();
    transport.start(sink);
    // A stream that has taken everything at once so far is lent the next body.
    for (let number = 1; number <= 20; number++) {
      transport.send(new TestPacket(number, 20_000));
      await new Promise((resolve) => setImmediate(resolve));
    }
    isFast = false;
    const packet = new TestPacket(21, 200_000);
    transport.send(packet);
    detach(packet);
    done();
    await sink.untilClosed();
    expect(sink.closes[0]).toMatchObject({ code: 'NNRP_ERR_TRANSPORT', message: expect.stringContaining('frame 21') });
  });
});
