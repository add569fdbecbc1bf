import { describe, expect, it } from 'vitest';
import { MESSAGES } from '../src/generated/preview3/message-table.js';
import { writeHeader } from '../src/packet/packet-builder.js';
import { PacketSplitter } from '../src/packet/packet-splitter.js';
import { SeededRandom } from './seeded-random.js';

const SEEDS = [1, 2, 3, 0xdecafbad];
const MAX_BODY = 100 * 1024;
const MIB = 1024 * 1024;

interface Sent {
  readonly messageType: number;
  readonly bytes: Uint8Array;
}

/** A packet as the framing sees it: an assigned type, any ids, metadata of the right length with any content. */
function randomPacket(random: SeededRandom, code: number, bodyBytes: number): Sent {
  const metadataBytes = MESSAGES.find((message) => message.code === code)?.metadataBytes ?? 0;
  const bytes = random.bytes(40 + metadataBytes + bodyBytes);
  const [sessionId, frameId] = [random.integer(0, 0xffffffff), random.integer(0, 0xffffffff)];
  writeHeader(new DataView(bytes.buffer), 0, code, metadataBytes, bodyBytes, sessionId, frameId);
  return { messageType: code, bytes };
}

/** Every message type at least once, bodies of 0 bytes to 100 KiB, small ones most. */
function randomPackets(random: SeededRandom): Sent[] {
  const codes = MESSAGES.flatMap((message) => [message.code, message.code]);
  return codes.map((code) => {
    const size = random.pick([0, 0, 1, 7, 300, 5000, MAX_BODY]);
    return randomPacket(random, code, size < 8 ? size : random.integer(0, size));
  });
}

function joined(packets: readonly Sent[]): Uint8Array {
  const stream = new Uint8Array(packets.reduce((sum, { bytes }) => sum + bytes.length, 0));
  let end = 0;
  for (const { bytes } of packets) {
    stream.set(bytes, end);
    end += bytes.length;
  }
  return stream;
}

/** Cuts a stream at every length `nextLength` gives. */
function cut(stream: Uint8Array, nextLength: () => number): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let start = 0; start < stream.length; ) {
    const end = Math.min(stream.length, start + nextLength());
    // A copy, as from a socket: every chunk has a buffer of its own.
    chunks.push(stream.slice(start, end));
    start = end;
  }
  return chunks;
}

function drain(splitter: PacketSplitter, into: Sent[]): void {
  for (let packet = splitter.next(); packet !== undefined; packet = splitter.next()) {
    const bytes = packet.bytes.subarray(packet.start, packet.start + packet.byteLength);
    into.push({ messageType: packet.messageType, bytes });
    expect(packet.metadata.length + packet.body.length + 40).toBe(packet.byteLength);
  }
}

function expectSame(actual: readonly Sent[], sent: readonly Sent[]): void {
  expect(actual.map((packet) => [packet.messageType, packet.bytes.length])).toEqual(
    sent.map((packet) => [packet.messageType, packet.bytes.length]),
  );
  for (const [index, packet] of sent.entries()) {
    // Buffer.equals says nothing about where they differ, but costs a thousandth of toEqual.
    expect(Buffer.from(actual[index]?.bytes ?? []).equals(packet.bytes), `packet ${index}`).toBe(true);
  }
}

/** Pushes every chunk; whether `next` is called in between, and how often, is random too. */
function splitAtRandom(random: SeededRandom, chunks: readonly Uint8Array[]): Sent[] {
  const splitter = new PacketSplitter();
  const packets: Sent[] = [];
  for (const chunk of chunks) {
    splitter.push(chunk);
    if (random.next() < 0.1) splitter.push(new Uint8Array(0));
    if (random.next() < 0.3) {
      const packet = splitter.next();
      if (packet !== undefined) {
        const bytes = packet.bytes.subarray(packet.start, packet.start + packet.byteLength);
        packets.push({ messageType: packet.messageType, bytes });
      }
    }
    if (random.next() < 0.2) drain(splitter, packets);
  }
  drain(splitter, packets);
  expect(splitter.fault).toBeUndefined();
  expect(splitter.bufferedBytes).toBe(0);
  return packets;
}

describe.each(SEEDS)('packets cut at random, seed %i', (seed) => {
  it.each([
    ['one chunk', () => Number.MAX_SAFE_INTEGER],
    ['1-byte chunks', () => 1],
    ['chunks of 39 bytes', () => 39],
    ['chunks of 40 bytes', () => 40],
    ['chunks of 41 bytes', () => 41],
    ['chunks of 64 KiB', () => 65536],
  ])('gives the same packets for %s', (_name, length) => {
    const random = new SeededRandom(seed);
    const sent = randomPackets(random);
    expectSame(splitAtRandom(random, cut(joined(sent), length)), sent);
  });

  it('gives the same packets for chunks of any length', () => {
    const random = new SeededRandom(seed ^ 0x5eed);
    for (let round = 0; round < 10; round++) {
      const sent = randomPackets(random);
      const longest = random.pick([2, 50, 500, 5000, 70_000]);
      const chunks = cut(joined(sent), () => random.integer(1, longest));
      expectSame(splitAtRandom(random, chunks), sent);
    }
  });

  it('copies no packet that lies inside one chunk', () => {
    const random = new SeededRandom(seed);
    const sent = randomPackets(random);
    const tail = randomPacket(random, 0x10, 5000).bytes;
    const stream = new Uint8Array([...joined(sent), ...tail.subarray(0, 2000)]);
    const splitter = new PacketSplitter();
    splitter.push(stream);
    for (let start = 0; start < stream.length - 2000; ) {
      const packet = splitter.next();
      expect(packet?.body.buffer).toBe(stream.buffer);
      expect(packet?.start).toBe(start);
      start += packet?.byteLength ?? Number.NaN;
    }
    expect(splitter.next()).toBeUndefined();
    splitter.push(tail.subarray(2000));
    const last = splitter.next();
    expect(
      Buffer.from(last?.bytes ?? [])
        .subarray(0, last?.byteLength)
        .equals(tail),
    ).toBe(true);
  });

  it('never throws and never gives a packet out of garbage', () => {
    const random = new SeededRandom(seed);
    for (let round = 0; round < 300; round++) {
      const garbage = random.bytes(random.integer(4, 400));
      if (garbage[0] === 0x4e) garbage[0] = 0;
      const splitter = new PacketSplitter();
      for (const chunk of cut(garbage, () => random.integer(1, 60))) {
        splitter.push(chunk);
        expect(splitter.next()).toBeUndefined();
      }
      expect(splitter.fault).toEqual({ kind: 'invalid_magic' });
    }
  });

  it('never throws on a good stream with one byte changed, and gives everything before it', () => {
    const random = new SeededRandom(seed);
    const sent = MESSAGES.map((message) => randomPacket(random, message.code, random.integer(0, 200)));
    const stream = joined(sent);
    for (let round = 0; round < 300; round++) {
      const damaged = stream.slice();
      const position = random.integer(0, stream.length - 1);
      damaged[position] = (damaged[position] ?? 0) ^ random.integer(1, 255);
      const splitter = new PacketSplitter({ maxPacketBytes: MIB });
      const packets: Sent[] = [];
      for (const chunk of cut(damaged, () => random.integer(1, 900))) {
        splitter.push(chunk);
        drain(splitter, packets);
      }
      const before: Sent[] = [];
      for (let end = 0; ; ) {
        const packet = sent[before.length];
        end += packet?.bytes.length ?? Number.NaN;
        if (packet === undefined || end > position) break;
        before.push(packet);
      }
      expectSame(packets.slice(0, before.length), before);
    }
  });
});

/** The 40 bytes of a PING, changed by `change`. */
function header(change: (view: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(40);
  const view = new DataView(bytes.buffer);
  writeHeader(view, 0, 0x20, 0, 0, 0, 0);
  change(view);
  return bytes;
}

const announcing = (metadataBytes: number, bodyBytes: number) =>
  header((view) => {
    view.setUint8(6, 0x10);
    view.setUint32(12, metadataBytes, true);
    view.setUint32(16, bodyBytes, true);
  });

describe('refusing', () => {
  const refused: [string, Uint8Array, object][] = [
    ['a wrong magic', header((view) => view.setUint8(3, 0x70)), { kind: 'invalid_magic' }],
    ['another major version', header((view) => view.setUint8(4, 2)), { kind: 'unsupported_version_major', value: 2 }],
    ['another wire format', header((view) => view.setUint8(5, 1)), { kind: 'unsupported_wire_format', value: 1 }],
    ['another header length', header((view) => view.setUint8(7, 41)), { kind: 'invalid_header_length', value: 41 }],
    [
      'unknown flags',
      header((view) => view.setUint32(8, 0x40, true)),
      { kind: 'reserved_bits_set', value: 0x40, allowed: 0x3f },
    ],
    ['an unknown type', header((view) => view.setUint8(6, 0x30)), { kind: 'unknown_message_type', value: 0x30 }],
    ['lengths that overflow', announcing(0xffffffff, 1), { kind: 'message_length_overflow' }],
    ['lengths that overflow by far', announcing(0xffffffff, 0xffffffff), { kind: 'message_length_overflow' }],
    [
      'a packet one byte above the limit',
      announcing(72, 1000 - 40 - 72 + 1),
      { kind: 'packet_too_large', limit: 1000, declared: 1001 },
    ],
    [
      'the largest packet there is',
      announcing(0, 0xffffffff),
      { kind: 'packet_too_large', limit: 1000, declared: 40 + 0xffffffff },
    ],
  ];

  it.each(refused)('refuses %s, whole or byte by byte', (_name, bytes, fault) => {
    for (const length of [40, 1]) {
      const splitter = new PacketSplitter({ maxPacketBytes: 1000 });
      for (const chunk of cut(bytes, () => length)) {
        splitter.push(chunk);
        expect(splitter.next()).toBeUndefined();
      }
      expect(splitter.fault).toEqual(fault);
      expect(splitter.bufferedBytes).toBe(0);
    }
  });

  it('takes a packet of exactly the limit', () => {
    const splitter = new PacketSplitter({ maxPacketBytes: 1000 });
    splitter.push(announcing(72, 1000 - 40 - 72));
    splitter.push(new Uint8Array(960));
    expect(splitter.next()?.byteLength).toBe(1000);
  });

  it('gives the packets before a fault, then nothing ever again', () => {
    const good = header(() => {});
    for (const [, bytes, fault] of refused) {
      const splitter = new PacketSplitter({ maxPacketBytes: 1000 });
      splitter.push(new Uint8Array([...good, ...bytes, ...good]));
      splitter.push(good);
      expect(splitter.next()?.messageType).toBe(0x20);
      expect(splitter.fault).toBeUndefined();
      for (let call = 0; call < 3; call++) {
        expect(splitter.next()).toBeUndefined();
        expect(splitter.fault).toEqual(fault);
        splitter.push(good);
        expect(splitter.bufferedBytes).toBe(0);
      }
    }
  });

  it('waits for the rest of a truncated header, and refuses a magic that cannot become right', () => {
    const whole = header(() => {});
    for (let length = 1; length < 40; length++) {
      const splitter = new PacketSplitter();
      splitter.push(whole.slice(0, length));
      expect(splitter.next()).toBeUndefined();
      expect(splitter.fault).toBeUndefined();
      expect(splitter.bufferedBytes).toBe(length);
    }
    const splitter = new PacketSplitter();
    splitter.push(new Uint8Array([0x47]));
    expect(splitter.next()).toBeUndefined();
    expect(splitter.fault).toEqual({ kind: 'invalid_magic' });
  });

  it.each([39, 0, -1, 40.5, Number.NaN, Number.POSITIVE_INFINITY])('refuses a limit of %d bytes', (maxPacketBytes) => {
    expect(() => new PacketSplitter({ maxPacketBytes })).toThrow(/maxPacketBytes/);
  });
});

describe('memory', () => {
  it('spends nothing on a header that demands 4 GiB', () => {
    const before = process.memoryUsage().arrayBuffers;
    const splitters = Array.from({ length: 50 }, (_, index) => {
      const splitter = new PacketSplitter(index % 2 === 0 ? {} : { maxPacketBytes: 0xffffffff });
      splitter.push(announcing(index % 4 < 2 ? 0 : 0xffffff00, index % 4 < 2 ? 0xfffffff0 : 0xf0));
      expect(splitter.next()).toBeUndefined();
      expect(splitter.fault?.kind).toBe('packet_too_large');
      return splitter;
    });
    for (const splitter of splitters) expect(splitter.heldBytes).toBe(0);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(MIB);
  });

  it('spends what has arrived, not what is announced, when the limit allows 4 GiB', () => {
    const splitter = new PacketSplitter({ maxPacketBytes: 40 + 0xffffffff });
    splitter.push(announcing(0, 0xffffffff));
    expect(splitter.next()).toBeUndefined();
    expect(splitter.fault).toBeUndefined();
    expect(splitter.heldBytes).toBeLessThanOrEqual(4096);
  });

  it.each([1, 100, 1460, 65536])(
    'costs at most 8 times what has arrived of 64 MiB, or a megabyte more than 48 KiB of it, in drips of %i bytes',
    (drip) => {
      const before = process.memoryUsage().arrayBuffers;
      const splitter = new PacketSplitter();
      splitter.push(announcing(72, 64 * MIB - 112));
      let arrived = 40;
      for (let count = 0; count < 200; count++) {
        splitter.push(new Uint8Array(drip));
        arrived += drip;
        expect(splitter.next()).toBeUndefined();
        const earned = arrived < 48 * 1024 ? 0 : arrived + MIB;
        expect(splitter.heldBytes).toBeLessThanOrEqual(Math.max(4096, 8 * arrived, earned));
        expect(splitter.bufferedBytes).toBe(arrived);
      }
      expect(splitter.fault).toBeUndefined();
      // Chunks and outgrown buffers that have not been collected yet come on top.
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * arrived * 2 + 20 * MIB);
    },
  );

  it('lets go of a chunk whose packets have all been taken', () => {
    const splitter = new PacketSplitter();
    splitter.push(header(() => {}));
    splitter.next();
    expect(splitter.heldBytes).toBe(40);
    splitter.next();
    expect(splitter.heldBytes).toBe(0);
  });

  it('takes a long queue of tiny chunks in time that grows with its length', () => {
    const stream = joined(Array.from({ length: 2500 }, () => ({ messageType: 0x20, bytes: header(() => {}) })));
    const splitter = new PacketSplitter();
    for (const chunk of cut(stream, () => 1)) splitter.push(chunk);
    const started = performance.now();
    let count = 0;
    while (splitter.next() !== undefined) count++;
    expect(count).toBe(2500);
    // 100,000 chunks take some 20 ms; moving the whole queue for each of them took seconds.
    expect(performance.now() - started).toBeLessThan(1000);
  });
});
