import { decodeCapture } from '../capture/decode-capture.js';
import { isUpgrade, MAX_HEADER_BYTES } from '../capture/http-header.js';
import type { DecodedItem, PacketView } from './decode-packets.js';

/** Of all streams of a file together, in bytes: a stream is decoded when it is whole. */
const MAX_COLLECTED_BYTES = 256 * 1024 * 1024;
const HEADS = [Buffer.from('GET '), Buffer.from('HTTP/1.1 101')];

/** What the first bytes of a stream say of it: whether it becomes a WebSocket is known at the end of the HTTP header. */
export function webSocketState(start: Buffer): 'begins' | 'websocket' | 'other' {
  const mayBe = HEADS.some((head) => {
    const known = Math.min(start.length, head.length);
    return start.compare(head, 0, known, 0, known) === 0;
  });
  if (!mayBe) return 'other';
  const isWhole = start.includes('\r\n\r\n') || start.length >= MAX_HEADER_BYTES;
  if (!isWhole) return 'begins';
  return isUpgrade(start) ? 'websocket' : 'other';
}

/** How much is collected, for all streams of a file. */
export interface Collected {
  bytes: number;
}

/** One direction of a WebSocket, from its upgrade on. */
export class CollectedWebSocket {
  private readonly parts: Buffer[] = [];
  private bytes = 0;

  constructor(private readonly all: Collected) {}

  /** @throws Error when all streams hold more than may be held */
  add(part: Buffer): void {
    if (this.all.bytes + part.length > MAX_COLLECTED_BYTES)
      throw new Error(
        `the WebSockets of this file have more than ${MAX_COLLECTED_BYTES} bytes: save fewer of them in one file`,
      );
    this.all.bytes += part.length;
    this.bytes += part.length;
    // The chunk of the file that it lies in is not to be held.
    this.parts.push(Buffer.from(part));
  }

  /** A line for the upgrade and for each frame. Nothing is held any more after that. */
  *items(stream: string, { names, revision }: PacketView): Generator<DecodedItem, void, void> {
    const capture = Buffer.concat(this.parts.splice(0));
    this.all.bytes -= this.bytes;
    for (const { json, problem } of decodeCapture(capture, names, revision))
      yield { json: { stream, ...json }, ...(problem !== undefined && { problem: `${stream}: ${problem}` }) };
  }
}
