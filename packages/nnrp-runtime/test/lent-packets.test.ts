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
  /** As they were given, not copied. */
  readonly chunks: Buffer[] = [];
  private pending: (() => void)[] = [];

  override _read(): void {}

  override _writev(chunks: readonly { chunk: Buffer }[], callback: () => void): void {
    this.written.push(chunks.reduce((sum, { chunk }) => sum + chunk.length, 0));
    for (const { chunk } of chunks) this.chunks.push(chunk);
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

  it('copies a body that it writes, when the stream reads it after the call, and no body before that', async () => {
    const stream = new Slow();
    const transport = over(stream, undefined, 'callback');
    const sink = new RecordingSink();
    transport.start(sink);
    const packets = [1, 2, 3].map((number) => new TestPacket(number, 200_000));
    const bytes = Buffer.from(packets[0]?.body as Uint8Array);
    for (const packet of packets) transport.send(packet);
    for (const packet of packets) detach(packet);
    expect(Buffer.concat(stream.chunks).subarray(HEAD_BYTES)).toEqual(bytes);
    await stream.complete();
    await sink.until(() => sink.unsentFrames.length === 2, 'unsent()');
    expect([sink.unsentFrames, sink.closes]).toEqual([[2, 3], []]);
    expect(stream.written).toEqual([HEAD_BYTES + 200_000]);
  });

  it('uses the memory of copies again when the stream has called back, and not before', async () => {
    const stream = new Slow();
    const transport = over(stream, undefined, 'callback');
    transport.start(new RecordingSink());
    const contents = () => Buffer.concat(stream.chunks.splice(0)).subarray(HEAD_BYTES);
    transport.send(new TestPacket(1, 200_000));
    const first = new Set(stream.chunks.map(({ buffer }) => buffer));
    const kept = stream.chunks.map((chunk) => [chunk, Buffer.from(chunk)] as const);
    // Another connection writes meanwhile.
    const other = new Slow();
    const neighbour = over(other, undefined, 'callback');
    neighbour.start(new RecordingSink());
    neighbour.send(new TestPacket(2, 300_000));
    expect(other.chunks.filter(({ buffer }) => first.has(buffer))).toEqual([]);
    for (const [chunk, before] of kept) expect(chunk.equals(before)).toBe(true);
    stream.chunks.length = 0;
    await stream.complete();
    const packet = new TestPacket(3, 200_000);
    transport.send(packet);
    expect(stream.chunks.some(({ buffer }) => first.has(buffer))).toBe(true);
    expect(contents()).toEqual(Buffer.from(packet.body));
  });

  it('sends what it has received on from where it is, which nobody can transfer away', async () => {
    const stream = new Slow();
    const transport = over(stream, undefined, 'callback');
    const sink = new RecordingSink();
    transport.start(sink);
    const packet = new TestPacket(1, 200_000);
    const head = Buffer.alloc(HEAD_BYTES);
    packet.writeHead(new DataView(head.buffer, head.byteOffset), 0);
    stream.push(head);
    stream.push(Buffer.from(packet.body));
    await sink.untilPackets(1);
    const body = sink.packets[0]?.body as Uint8Array;
    transport.send({ headBytes: HEAD_BYTES, body, writeHead: (view, at) => packet.writeHead(view, at) });
    expect(stream.chunks.some(({ buffer }) => buffer === body.buffer)).toBe(true);
    // Node.js 20 clones it instead, later versions refuse.
    expect(() => {
      detach({ body } as TestPacket);
      throw new Error('no transfer');
    }).toThrow(/transfer/);
    expect(body.length).toBe(200_000);
    const { buffer } = body as { buffer: ArrayBufferLike & { transfer?(): ArrayBuffer } };
    if (buffer.transfer === undefined) return;
    // Node.js 22 has a way all the same, which costs the connection: nobody knows what its peer gets.
    buffer.transfer();
    await stream.complete();
    await sink.untilClosed();
    expect(sink.closes[0]).toMatchObject({ code: 'NNRP_ERR_TRANSPORT', message: expect.stringContaining('frame 1') });
  });
});
