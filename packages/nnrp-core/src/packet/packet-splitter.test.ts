import { describe, expect, it } from 'vitest';
import { buildPacket } from './packet-builder.js';
import { PacketSplitter } from './packet-splitter.js';

const PING = 0x20;
const PROBE = 25;

/** Packets of these frame ids in one array of their own memory, cut to a length. */
function chunkOf(packets: readonly Uint8Array[], length = Number.POSITIVE_INFINITY): Uint8Array {
  return new Uint8Array(Buffer.concat(packets).subarray(0, length));
}

function ping(): Uint8Array {
  return buildPacket({ messageType: PING })[0];
}

function probe(bodyBytes: number): Uint8Array {
  const metadata = new Uint8Array(16);
  return Buffer.concat(buildPacket({ messageType: PROBE }, metadata, new Uint8Array(bodyBytes).fill(7)));
}

/** Transfers the memory of a chunk, as to another thread. */
function detach(bytes: Uint8Array): void {
  structuredClone(bytes.buffer, { transfer: [bytes.buffer as ArrayBuffer] });
  expect(bytes.length).toBe(0);
}

describe('a chunk that is transferred away by whoever got a packet of it', () => {
  it.each([1, 39, 40, 41, 55, 100, 5055])(
    'has lost nothing of the packet of which %i bytes stood at its end',
    (rest) => {
      const splitter = new PacketSplitter();
      const last = probe(5000);
      const chunk = chunkOf([ping(), last], 40 + rest);
      splitter.push(chunk);
      expect(splitter.next()?.messageType).toBe(PING);
      expect(splitter.bufferedBytes).toBe(rest);
      detach(chunk);
      // More may come before the rest of the chunk has been asked for.
      const more = new Uint8Array(last.subarray(rest));
      const next = chunkOf([more, ping()]);
      splitter.push(next);
      const whole = splitter.next();
      expect([whole?.bodyLength, whole?.body.every((byte) => byte === 7)]).toEqual([5000, true]);
      expect(splitter.next()?.byteLength).toBe(40);
      expect([splitter.next(), splitter.bufferedBytes]).toEqual([undefined, 0]);
    },
  );

  it('takes the packets with it that were not handed over yet, and the stream ends there', () => {
    const splitter = new PacketSplitter();
    const chunk = chunkOf([ping(), ping()]);
    splitter.push(chunk);
    const first = splitter.next();
    detach(chunk);
    expect(() => splitter.next()).toThrow('transferred away');
    expect(splitter.next()).toBeUndefined();
    expect(splitter.fault).toBeDefined();
    splitter.push(ping());
    expect(splitter.next()).toBeUndefined();
    expect([first?.isDetached, first?.body.length, first?.metadata.length]).toEqual([true, 0, 0]);
  });

  it('is missed as well when it was pushed but not begun', () => {
    const splitter = new PacketSplitter();
    const waiting = chunkOf([ping()]);
    splitter.push(chunkOf([ping()]));
    splitter.push(waiting);
    splitter.next();
    detach(waiting);
    expect(() => splitter.next()).toThrow('transferred away');
  });
});

describe('the incomplete packet at the end of a chunk', () => {
  it('is bounded by the limit that holds when its turn comes', () => {
    for (const limit of [100, 10_000]) {
      const splitter = new PacketSplitter({ maxPacketBytes: 1000 });
      splitter.push(chunkOf([ping(), probe(5000)], 140));
      splitter.next();
      splitter.maxPacketBytes = limit;
      splitter.push(probe(5000).subarray(100));
      expect(splitter.next()?.bodyLength).toBe(limit === 100 ? undefined : 5000);
      expect(splitter.fault?.kind).toBe(limit === 100 ? 'packet_too_large' : undefined);
    }
  });

  it('is refused when it is no packet, after what came before it', () => {
    const splitter = new PacketSplitter();
    splitter.push(chunkOf([ping(), new TextEncoder().encode('GET /')]));
    expect(splitter.next()?.messageType).toBe(PING);
    expect(splitter.fault).toBeUndefined();
    expect(splitter.next()).toBeUndefined();
    expect(splitter.fault).toEqual({ kind: 'invalid_magic' });
    expect(splitter.foreignBytes).toEqual(new TextEncoder().encode('GET /'));
  });

  it.each([1, 5, 40, 300])('is kept in its first bytes when it is no packet, of %i that have come', (count) => {
    const splitter = new PacketSplitter();
    const chunk = new Uint8Array(count).fill(0x47);
    splitter.push(chunk);
    expect(splitter.next()).toBeUndefined();
    const kept = splitter.foreignBytes;
    detach(chunk);
    expect(kept).toEqual(new Uint8Array(Math.min(count, 40)).fill(0x47));
  });

  it('is not kept when it begins like a packet', () => {
    const splitter = new PacketSplitter();
    const packet = ping();
    packet[5] = 9;
    splitter.push(packet);
    expect([splitter.next(), splitter.fault?.kind === undefined, splitter.foreignBytes]).toEqual([
      undefined,
      false,
      undefined,
    ]);
  });

  it('costs no more memory than has arrived, whatever it announces', () => {
    const splitter = new PacketSplitter();
    const huge = probe(0);
    new DataView(huge.buffer, huge.byteOffset).setUint32(12, 60_000_000, true);
    splitter.push(chunkOf([ping(), huge], 80));
    splitter.next();
    splitter.next();
    expect(splitter.heldBytes).toBeLessThanOrEqual(4096);
  });
});

describe('a packet', () => {
  it('can be copied out of its chunk', () => {
    const splitter = new PacketSplitter();
    const chunk = chunkOf([ping(), probe(10)]);
    splitter.push(chunk);
    splitter.next();
    const copy = splitter.next()?.copy();
    detach(chunk);
    expect([copy?.messageType, copy?.byteLength, [...(copy?.body ?? [])]]).toEqual([PROBE, 66, Array(10).fill(7)]);
  });
});

describe('a packet above the limit', () => {
  it.each([1, 7, 39, 40, 41, 100, 5000, 100_000])(
    'is skipped when somebody wants that, in chunks of %s bytes',
    (size) => {
      const bytes = chunkOf([ping(), probe(3000), ping(), probe(5000), probe(10)]);
      const splitter = new PacketSplitter({ maxPacketBytes: 200 });
      const skipped: unknown[] = [];
      splitter.oversized = (head, fault) => {
        skipped.push([head.messageType, head.bodyLength, fault]);
        return true;
      };
      const got: number[] = [];
      for (let at = 0; at < bytes.length; at += size) {
        splitter.push(bytes.slice(at, at + size));
        for (let packet = splitter.next(); packet !== undefined; packet = splitter.next()) got.push(packet.byteLength);
        expect(splitter.bufferedBytes).toBeLessThan(201);
      }
      expect(got).toEqual([40, 40, 66]);
      const fault = { kind: 'packet_too_large', limit: 200 };
      expect(skipped).toMatchObject([3000, 5000].map((body) => [PROBE, body, { ...fault, declared: body + 56 }]));
      expect([splitter.fault, splitter.isSkipping]).toEqual([undefined, false]);
    },
  );

  it('has neither metadata nor a body to be read, which is no error', () => {
    const splitter = new PacketSplitter({ maxPacketBytes: 200 });
    const lengths: number[] = [];
    splitter.oversized = ({ bodyLength, metadata, body }) => {
      lengths.push(bodyLength, metadata.length, body.length);
      // The bytes belong to this packet alone: transferring them takes no other packet along.
      structuredClone(body, { transfer: [body.buffer as ArrayBuffer] });
      lengths.push(new Uint8Array(metadata).length);
      return true;
    };
    splitter.push(chunkOf([probe(3000)], 60));
    expect(splitter.next()).toBeUndefined();
    expect(lengths).toEqual([3000, 0, 0, 0]);
  });

  it('breaks the stream when nobody does', () => {
    const splitter = new PacketSplitter({ maxPacketBytes: 200 });
    splitter.oversized = () => false;
    splitter.push(chunkOf([probe(3000)]));
    expect(splitter.next()).toBeUndefined();
    expect(splitter.fault).toEqual({ kind: 'packet_too_large', limit: 200, declared: 3056 });
  });
});

describe('chunks of a packet that spans several', () => {
  const cut = (bytes: Uint8Array, ...ends: number[]) =>
    [...ends, bytes.length].map((end, index) => new Uint8Array(bytes.subarray(ends[index - 1] ?? 0, end)));

  it('are told of when all of each has been copied, and the packet does not need them any more', () => {
    const splitter = new PacketSplitter();
    const told: Uint8Array[] = [];
    splitter.copied = (chunk) => {
      told.push(chunk);
      chunk.fill(0xff);
    };
    const chunks = cut(chunkOf([probe(5000), probe(3000)]), 20, 1000, 4000, 6000);
    const bodies: number[] = [];
    for (const chunk of chunks) {
      splitter.push(chunk);
      for (let packet = splitter.next(); packet !== undefined; packet = splitter.next()) {
        expect(packet.body.every((byte) => byte === 7)).toBe(true);
        bodies.push(packet.bodyLength);
      }
    }
    expect(bodies).toEqual([5000, 3000]);
    expect(told).toEqual(chunks);
  });

  it.each([0, 1000])(
    'are not told of when a packet lies in them that was handed over, with %i bytes behind it',
    (more) => {
      const splitter = new PacketSplitter();
      const told: Uint8Array[] = [];
      splitter.copied = (chunk) => told.push(chunk);
      const long = probe(5000);
      const [first, second, third] = cut(chunkOf([long, ping(), long]), 2000, long.length + 40 + more);
      for (const chunk of [first, second, third]) {
        splitter.push(chunk as Uint8Array);
        while (splitter.next() !== undefined);
      }
      // The last one holds a whole packet when nothing of it came before.
      expect(told).toEqual(more === 0 ? [first] : [first, third]);
    },
  );

  it('lie in memory that the owner of the splitter makes, of just the length in the end', () => {
    const splitter = new PacketSplitter();
    const made: number[] = [];
    splitter.allocate = (bytes) => {
      made.push(bytes);
      return new Uint8Array(bytes).fill(0xee);
    };
    for (const chunk of cut(chunkOf([probe(300_000)]), 65_536, 131_072)) splitter.push(chunk);
    const packet = splitter.next();
    expect([made, packet?.bytes.length, packet?.body.every((byte) => byte === 7)]).toEqual([[300_056], 300_056, true]);
  });
});
