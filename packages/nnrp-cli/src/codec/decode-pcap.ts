import { otherProtocol } from 'nnrp-core';
import { capturedFrames, isCaptureFileError } from '../pcap/capture-file.js';
import { type TcpSegment, tcpSegment } from '../pcap/tcp-segment.js';
import { TcpStream } from '../pcap/tcp-stream.js';
import { type Collected, CollectedWebSocket, webSocketState } from './collected-websocket.js';
import { type DecodedItem, PacketRun, type PacketView } from './decode-packets.js';

/** Directions of connections that are followed at once; of more, the one that has been silent longest is given up. */
const MAX_STREAMS = 4096;
const MAGIC = Buffer.from('NNRP');

/** What is known of one direction of a connection. */
interface Followed {
  readonly stream: TcpStream;
  readonly run: PacketRun;
  /** Its first bytes, until there are enough to tell what it is. */
  start: Buffer;
  state: 'begins' | 'nnrp' | 'websocket' | 'other';
  readonly webSocket: CollectedWebSocket;
  readonly view: PacketView;
}

/**
 * Packets of all connections in a pcap or pcapng file, in the order in which they are whole; the frames of a WebSocket when its
 * direction has ended. What is neither is passed over, and said at the end. A file that breaks off is the last item.
 */
export async function* decodePcap(
  chunks: AsyncIterable<Buffer>,
  view: PacketView,
): AsyncGenerator<DecodedItem, void, void> {
  try {
    yield* decodeStreams(chunks, view);
  } catch (error) {
    if (!isCaptureFileError(error)) throw error;
    yield { json: { error: { kind: 'bad_input', message: error.message } }, problem: error.message };
  }
}

async function* decodeStreams(
  chunks: AsyncIterable<Buffer>,
  view: PacketView,
): AsyncGenerator<DecodedItem, void, void> {
  const streams = new Map<string, Followed>();
  const others: string[] = [];
  const collected = { bytes: 0 };
  let packets = 0;
  let segments = 0;
  for await (const frame of capturedFrames(chunks)) {
    const segment = tcpSegment(frame);
    if (segment === undefined) continue;
    segments++;
    const name = `${segment.from} > ${segment.to}`;
    // The ports of a connection that is over may be used again.
    if (segment.isSyn && streams.get(name) !== undefined) {
      yield* endOf(streams.get(name));
      streams.delete(name);
    }
    const followed = streams.get(name) ?? begin(name, view, collected);
    streams.delete(name);
    streams.set(name, followed);
    const before = followed.run.count;
    for (const item of addSegment(followed, segment, frame.timeMs, others)) yield item;
    packets += followed.run.count - before + (followed.state === 'websocket' ? 1 : 0);
    if (segment.isEnd && followed.stream.missingBefore === 0) {
      yield* endOf(followed);
      followed.state = 'other';
    }
    const [oldest] = streams.keys();
    if (streams.size > MAX_STREAMS && oldest !== undefined) {
      yield* endOf(streams.get(oldest));
      streams.delete(oldest);
    }
  }
  for (const followed of streams.values()) yield* endOf(followed);
  if (packets > 0) return;
  const what = others.length === 0 ? `${segments} segments of TCP` : others.join(', ');
  const message = `there is no NNRP over TCP in it: ${what}`;
  yield { json: { error: { kind: 'bad_input', message } }, problem: message };
}

function begin(name: string, view: PacketView, collected: Collected): Followed {
  const run = new PacketRun(view, { stream: name });
  return {
    stream: new TcpStream(name),
    run,
    start: Buffer.alloc(0),
    state: 'begins',
    webSocket: new CollectedWebSocket(collected),
    view,
  };
}

/** What a segment adds to its stream. Streams of another protocol are named, the first few of them. */
function* addSegment(
  followed: Followed,
  segment: TcpSegment,
  timeMs: number,
  others: string[],
): Generator<DecodedItem, void, void> {
  if (followed.state === 'other') return;
  const { stream, run } = followed;
  const place = placeIn(timeMs);
  try {
    for (const bytes of stream.add(segment)) {
      if (followed.state === 'begins') {
        followed.start = Buffer.concat([followed.start, bytes]);
        followed.state = stateOf(followed.start);
        if (followed.state === 'nnrp') yield* run.push(followed.start, place);
        else if (followed.state === 'websocket') followed.webSocket.add(followed.start);
        else if (followed.state === 'other') name(stream, followed.start, others);
      } else if (followed.state === 'websocket') followed.webSocket.add(bytes);
      else yield* run.push(bytes, place);
      if (run.isBroken) followed.state = 'other';
      if (followed.state === 'other') return;
    }
  } catch (error) {
    if (followed.state === 'websocket') yield* followed.webSocket.items(stream.name, followed.view);
    // What does not come to packets is not worth a word.
    if (followed.state !== 'nnrp' && followed.state !== 'websocket') name(stream, followed.start, others);
    else {
      const { message } = error as Error;
      const json = { stream: stream.name, ...place, error: { kind: 'bad_input', message } };
      yield { json, problem: `${stream.name}: ${message}` };
    }
    followed.state = 'other';
  }
}

/** A time that no date has is left out: the clock or the file is wrong, and the packet is there all the same. */
function placeIn(timeMs: number): { readonly time?: string } {
  const date = new Date(timeMs);
  return Number.isNaN(date.getTime()) ? {} : { time: date.toISOString() };
}

function stateOf(start: Buffer): Followed['state'] {
  const known = Math.min(start.length, MAGIC.length);
  if (start.compare(MAGIC, 0, known, 0, known) !== 0) return webSocketState(start);
  return known < MAGIC.length ? 'begins' : 'nnrp';
}

function name({ name: of }: TcpStream, start: Buffer, others: string[]): void {
  const MOST = 4;
  if (others.length < MOST) others.push(`${of} is ${otherProtocol(start) ?? 'no packet of NNRP at its beginning'}`);
}

function* endOf(followed: Followed | undefined): Generator<DecodedItem, void, void> {
  if (followed?.state !== 'nnrp' && followed?.state !== 'websocket') return;
  const { stream, run, state, webSocket, view } = followed;
  if (state === 'websocket') yield* webSocket.items(stream.name, view);
  if (stream.missingBefore > 0) {
    const message = `a segment is missing: ${stream.missingBefore} bytes wait behind it`;
    yield {
      json: { stream: stream.name, error: { kind: 'bad_input', message } },
      problem: `${stream.name}: ${message}`,
    };
  } else if (state === 'nnrp') yield* run.end();
  followed.state = 'other';
}
