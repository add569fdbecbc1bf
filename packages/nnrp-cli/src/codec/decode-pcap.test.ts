import { describe, expect, it } from 'vitest';
import { frame, message } from '../../../nnrp-transport-websocket/test/bare-stream.js';
import { FIN, pcap, pcapng, type Sent, SYN } from '../../test/codec/pcap-file.js';
import { REVISIONS } from '../json/codec-revision.js';
import { formatHex } from '../json/hex.js';
import { packetFromJson } from '../json/packet-json.js';
import type { DecodedItem } from './decode-packets.js';
import { decodePcap } from './decode-pcap.js';

const VIEW = { names: false, payloads: false };

function ping(traceId: number): Buffer {
  return Buffer.from(
    packetFromJson(REVISIONS.preview3, { header: { message_type: 'PING', trace_id: String(traceId) } }),
  );
}

async function* chunksOf(file: Buffer, bytes: number): AsyncGenerator<Buffer, void, void> {
  for (let at = 0; at < file.length; at += bytes) yield file.subarray(at, at + bytes);
}

async function decode(file: Buffer, bytes = 7): Promise<DecodedItem[]> {
  const items: DecodedItem[] = [];
  for await (const item of decodePcap(chunksOf(file, bytes), VIEW)) items.push(item);
  return items;
}

function traceIds(items: readonly DecodedItem[]): unknown[] {
  return items.map(
    ({ json }) => (json['packet'] as { header: { trace_id: string } } | undefined)?.header.trace_id ?? json['error'],
  );
}

const BYTES = Buffer.concat([ping(1), ping(2), ping(3)]);
const UP = { from: 51_000, to: 4433 };

/** Segments of some bytes, cut at these places. */
function segments(start: number, ...cuts: number[]): Sent[] {
  return [0, ...cuts].map((from, index) => ({
    ...UP,
    sequence: start + from,
    payload: BYTES.subarray(from, cuts[index] ?? BYTES.length),
  }));
}

describe('a capture of a network', () => {
  it.each([
    ['pcap', pcap],
    ['pcap in the other byte order', (sent: readonly Sent[]) => pcap(sent, false)],
    ['pcapng', pcapng],
    ['pcapng in the other byte order', (sent: readonly Sent[]) => pcapng(sent, false)],
  ])('gives the packets of both directions of %s', async (_, file) => {
    const down = { from: 4433, to: 51_000, sequence: 9 };
    const sent = [{ ...UP, sequence: 99, flags: SYN }, ...segments(100, 5, 60), { ...down, payload: ping(7) }];
    const items = await decode(file([...sent, { ...UP, sequence: 220, flags: FIN }]));
    expect(traceIds(items)).toEqual(['1', '2', '3', '7']);
    expect(items[0]?.json).toMatchObject({
      stream: '10.0.0.7:51000 > 10.0.0.1:4433',
      time: '2023-11-14T22:13:20.500Z',
      at: 0,
    });
    expect(items[3]?.json).toMatchObject({ stream: '10.0.0.7:4433 > 10.0.0.1:51000', at: 0 });
  });

  it('puts segments in order, also where numbers begin anew, and takes none twice', async () => {
    const [first, second, third, last] = segments(0xfffffff0, 5, 60, 90) as [Sent, Sent, Sent, Sent];
    const overlap = { ...UP, sequence: 0xfffffff0 + 50, payload: BYTES.subarray(50, 95) };
    for (const order of [
      [first, second, third, last],
      [first, last, third, second],
      [first, first, third, overlap, second, second, last, first],
    ])
      expect(traceIds(await decode(pcap(order)))).toEqual(['1', '2', '3']);
  });

  it('keeps connections apart, and knows IPv6 and a port that is used again', async () => {
    const of = (from: number, trace: number, more: Partial<Sent> = {}) => ({
      from,
      to: 4433,
      sequence: 1,
      payload: ping(trace),
      ...more,
    });
    const again = [{ from: 1, to: 4433, sequence: 5000, flags: SYN }, of(1, 4, { sequence: 5001 })];
    const items = await decode(pcap([of(1, 1), of(2, 2), of(3, 3, { isIpv6: true }), ...again]));
    expect(traceIds(items)).toEqual(['1', '2', '3', '4']);
    expect(items[2]?.json).toMatchObject({ stream: '[::1]:3 > [::1]:4433' });
  });

  it('says what cannot be put together, and goes on with the others', async () => {
    const [first, , third] = segments(100, 45, 60) as [Sent, Sent, Sent];
    const other = { from: 2, to: 4433, sequence: 1, payload: ping(8) };
    expect((await decode(pcap([first, third, other]))).map(({ problem }) => problem)).toEqual([
      undefined,
      undefined,
      expect.stringMatching(/^10\.0\.0\.7:51000 > .*: a segment is missing: 60 bytes wait behind it$/),
    ]);
    const cut = await decode(pcap([first, { ...(segments(100, 45)[1] as Sent), cut: 10 }, other]));
    expect(cut.map(({ problem }) => problem)).toEqual([
      undefined,
      expect.stringContaining('the capture has left out 10 bytes'),
      undefined,
    ]);
    const half = await decode(pcap([{ ...UP, sequence: 1, payload: BYTES.subarray(0, 50) }]));
    expect(half[1]?.problem).toMatch(/byte 40: the input ends 10 bytes into a packet$/);
    const broken = await decode(
      pcap([{ ...UP, sequence: 1, payload: Buffer.concat([ping(1), Buffer.alloc(40)]) }, other]),
    );
    expect(broken.map(({ problem }) => problem !== undefined)).toEqual([false, true, false]);
  });

  it('does not hold more than it may of a stream with a hole', async () => {
    const payload = Buffer.alloc(60_000);
    const sent = [{ ...UP, sequence: 0, payload: ping(1) }];
    for (let at = 0; at < 100; at++) sent.push({ ...UP, sequence: 1000 + at * payload.length, payload });
    const items = await decode(pcap(sent), 65_536);
    expect(items[1]?.problem).toContain('a segment is missing: more than 4194304 bytes wait behind it');
  });

  it('does not hold more segments than it may, however small they are', async () => {
    const sent = [{ ...UP, sequence: 0, payload: ping(1) }];
    for (let at = 0; at < 17_000; at++) sent.push({ ...UP, sequence: 1000 + at, payload: Buffer.from('x') });
    const items = await decode(pcap(sent), 65_536);
    expect(items[1]?.problem).toContain('a segment is missing: more than 16384 segments wait behind it');
  });

  it('puts segments together that come in any order, some of them twice and some longer than before', async () => {
    const cuts = Array.from({ length: 11 }, (_, index) => (index + 1) * 10);
    const all = segments(100, ...cuts).slice(1);
    const longer = { ...UP, sequence: 110, payload: BYTES.subarray(10, 35) };
    const first = { ...UP, sequence: 100, payload: BYTES.subarray(0, 10) };
    const start = { ...UP, sequence: 99, flags: SYN };
    const mixed = [...all].sort((a, b) => ((a.sequence * 7) % 13) - ((b.sequence * 7) % 13));
    const items = await decode(pcap([start, ...mixed, ...mixed.slice(3), longer, first]));
    expect(traceIds(items)).toEqual(['1', '2', '3']);
  });

  it('gives a packet whose time is none without it', async () => {
    const file = pcapng([{ ...UP, sequence: 1, payload: ping(5) }]);
    const block = 28 + 20 + 20;
    const at = file.indexOf(Buffer.from([6, 0, 0, 0]), block - 20);
    file.writeUInt32LE(0xffffffff, at + 12);
    const [only] = await decode(file);
    expect(only?.json).toMatchObject({ packet: { header: { trace_id: '5' } } });
    expect(only?.json).not.toHaveProperty('time');
  });

  it('passes over what is no NNRP, and says so when there is nothing else', async () => {
    const http = { from: 80, to: 5, sequence: 1, payload: Buffer.from('HTTP/1.1 200 OK\r\n') };
    expect(traceIds(await decode(pcap([http, { ...UP, sequence: 1, payload: ping(5) }])))).toEqual(['5']);
    const [only] = await decode(pcap([http]));
    expect(only?.problem).toBe('there is no NNRP over TCP in it: 10.0.0.7:80 > 10.0.0.1:5 is HTTP');
    expect((await decode(pcap([])))[0]?.problem).toBe('there is no NNRP over TCP in it: 0 segments of TCP');
  });

  it('gives the upgrade and the frames of a WebSocket, whose fragments have one byte each, beside packets over TCP', async () => {
    const whole = ping(9);
    const fragments = [...whole].map((byte, index) =>
      frame((index === whole.length - 1 ? 0x80 : 0) | (index === 0 ? 2 : 0), Buffer.of(byte), true),
    );
    const head = 'GET /nnrp HTTP/1.1\r\nhost: a\r\nupgrade: websocket\r\nauthorization: secret\r\n\r\n';
    const up = Buffer.concat([Buffer.from(head), ...fragments]);
    const answer = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n';
    const down = Buffer.concat([Buffer.from(answer), message(ping(8), false), frame(0x81, Buffer.from('no'), false)]);
    const client = { from: 5, to: 80, sequence: 1 };
    const items = await decode(
      pcap([
        { ...client, payload: up.subarray(0, 30) },
        { ...client, sequence: 31, payload: up.subarray(30) },
        { from: 80, to: 5, sequence: 1, payload: down },
        { ...client, sequence: 1 + up.length, flags: FIN },
        { ...UP, sequence: 1, payload: ping(5) },
      ]),
    );
    const [upgrade, ...rest] = items;
    expect(upgrade?.json).toMatchObject({ stream: '10.0.0.7:5 > 10.0.0.1:80', http: { start: 'GET /nnrp HTTP/1.1' } });
    expect(JSON.stringify(items)).not.toContain('secret');
    expect(rest[39]?.json).toMatchObject({ message: { frames: 40 }, packet: { header: { trace_id: '9' } } });
    expect(traceIds(rest.slice(40)).filter((each) => typeof each === 'string')).toEqual(['5', '8']);
    expect(items.at(-1)?.problem).toMatch(
      /^10\.0\.0\.7:80 > 10\.0\.0\.1:5: message at byte \d+: expected a binary message/,
    );
  });

  it('tells of a file that breaks off behind what it has given, and of lengths that cannot be', async () => {
    const whole = pcap([{ ...UP, sequence: 1, payload: ping(5) }]);
    const cut = await decode(Buffer.concat([whole, Buffer.alloc(10)]));
    expect(cut.map(({ problem }) => problem)).toEqual([
      undefined,
      'byte 134: the header of a record has 16 bytes, the file has 10 more',
    ]);
    const huge = Buffer.from(whole);
    huge.writeUInt32LE(0xffffffff, 32);
    expect((await decode(huge))[0]?.problem).toContain('a record of 4294967295 bytes: at most 16777216 are read');
    const odd = pcapng([]);
    odd.writeUInt32LE(13, 4);
    expect((await decode(odd))[0]?.problem).toContain('a block cannot have 13 bytes');
    expect(formatHex(whole.subarray(0, 4))).toBe('d4c3b2a1');
  });
});
