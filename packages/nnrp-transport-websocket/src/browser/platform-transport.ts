import { type NnrpError, type Packet, PacketSplitter, type Revision, TransportError, UsageError } from 'nnrp-core';
import { COMMON_HEADER_BYTES } from 'nnrp-core/preview3';
import type { FramedTransport, OutboundPacket, PacketSink, SentListener } from 'nnrp-runtime/client';
import { CloseCode, closeFailure } from '../frames/close-codes.js';
import { beginsLikePacket, packetLength } from '../frames/packet-length.js';
import type { PLATFORM_DEFAULTS } from './platform-options.js';
import { OPEN, type PlatformWebSocket, platform, type Timer } from './platform-websocket.js';
import { SendingWatch } from './sending-watch.js';

/** Milliseconds between two looks at what the platform still holds: it does not tell when that becomes less. */
const LOOK_MS = 10;
/** The `kind` of its transports. */
export const TRANSPORT_KIND = 'websocket';
const MAX_REASON_CHARACTERS = 40;
/** What a message that waits holds besides its bytes (measured, rounded down). */
const MESSAGE_BYTES = 256;
/** What codes of RFC 6455 are sent with: the interface takes 1000, and 3000 to 4999. */
const OF_PLATFORM = 3000;

type Settings = { readonly [Name in keyof typeof PLATFORM_DEFAULTS]: number };

/**
 * Packets over the WebSocket of a platform, one in each binary message. What is sent is copied in the call. A platform's
 * WebSocket cannot be paused: what arrives meanwhile is held here, up to a limit that ends the connection.
 */
export class PlatformTransport implements FramedTransport {
  readonly kind = TRANSPORT_KIND;
  readonly maxCloseMs: number;
  private sink: PacketSink | undefined;
  private listener: SentListener | undefined;
  private readonly splitter: PacketSplitter;
  private readonly held: Uint8Array[] = [];
  /** How many of them are delivered. */
  private taken = 0;
  private heldBytes = 0;
  private paused = true;
  private delivering = false;
  private full = false;
  /** What has come is no packet, and the receiver knows: nothing more is read. */
  private isBroken = false;
  private looking: Timer;
  private readonly sending = new SendingWatch(LOOK_MS);
  private state: 'open' | 'closing' | 'over' = 'open';
  private failure: NnrpError | undefined;
  private isTold = false;
  private stalled = false;
  private closeTimer: Timer;
  private settle: () => void = () => {};
  private readonly whenOver = new Promise<void>((resolve) => {
    this.settle = resolve;
  });

  /** @param socket - open */
  constructor(
    private readonly socket: PlatformWebSocket,
    readonly remoteAddress: string,
    private readonly settings: Settings,
  ) {
    this.maxCloseMs = settings.closeTimeoutMs + 1000;
    this.splitter = new PacketSplitter({ maxPacketBytes: settings.maxPacketBytes });
    this.splitter.oversized = (head, fault) => this.sink?.oversized?.(head, fault) ?? false;
    socket.onmessage = ({ data }) => this.guarded(() => this.received(data));
    socket.onerror = () => {};
    socket.onclose = (event) =>
      this.guarded(() => this.ended(closeFailure(remoteAddress, event?.code ?? NO_CLOSE_FRAME, event?.reason ?? '')));
  }

  get unsentBytes(): number {
    // Some platforms do not say it.
    const { bufferedAmount = 0 } = this.socket;
    return Number.isFinite(bufferedAmount) ? Math.max(0, bufferedAmount) : 0;
  }

  get hasStalled(): boolean {
    return this.stalled;
  }

  start(sink: PacketSink): void {
    this.sink = sink;
    this.resume();
  }

  send(packet: OutboundPacket): boolean {
    if (this.state !== 'open' && this.listener === undefined) return true;
    const { headBytes, body } = packet;
    const length = packet.bodyLength ?? body.length;
    const bytes = new Uint8Array(headBytes + length);
    packet.writeHead(new DataView(bytes.buffer), 0, bytes);
    if (body.length !== length)
      throw new UsageError(`a message was not sent: its body had ${length} bytes and has ${body.length} now`);
    bytes.set(body, headBytes);
    this.listener?.append([bytes]);
    if (this.state !== 'open' || this.socket.readyState !== OPEN) return true;
    this.socket.send(bytes);
    this.sending.gave(bytes.length);
    this.watch();
    if (this.unsentBytes < this.settings.highWaterBytes) return true;
    this.full = true;
    return false;
  }

  tellSent(listener: SentListener): void {
    this.listener = listener;
  }

  /** What is sent is handed on at once. */
  settleSent(): void {}

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    this.guarded(() => this.deliver());
  }

  speak(revision: Revision): void {
    this.splitter.revision = revision;
  }

  limitPackets(maxBytes: number): void {
    this.splitter.maxPacketBytes = maxBytes;
  }

  close(): Promise<void> {
    if (this.state === 'open') {
      this.state = 'closing';
      this.dropHeld();
      // The platform sends what it holds first.
      this.socket.close(CloseCode.Normal);
      this.closeTimer = platform.setTimeout(
        () => this.guarded(() => this.ended(undefined)),
        this.settings.closeTimeoutMs,
      );
    } else if (this.state === 'over') this.leaveRest();
    return this.whenOver;
  }

  abort(error?: NnrpError): void {
    if (this.state === 'over') {
      this.leaveRest();
      return;
    }
    this.state = 'closing';
    this.dropHeld();
    this.failure ??= error;
    if (error === undefined) this.endSocket(CloseCode.Normal, '');
    else this.endSocket(OF_PLATFORM + CloseCode.InternalError, error.message);
    this.afterCall(() => this.ended(undefined));
  }

  toJSON(): Record<string, unknown> {
    const { kind, remoteAddress, state, unsentBytes } = this;
    return { kind, remoteAddress, state, unsentBytes };
  }

  private received(data: unknown): void {
    if (this.state !== 'open' || this.isBroken) return;
    if (!isArrayBuffer(data)) {
      this.refuse(CloseCode.UnsupportedData, 'expected binary messages, each one NNRP packet, got text');
      return;
    }
    const bytes = new Uint8Array(data);
    const fault = lengthFault(bytes);
    if (fault !== undefined) {
      this.refuse(CloseCode.InvalidPayload, fault);
      return;
    }
    this.heldBytes += bytes.length + MESSAGE_BYTES;
    this.held.push(bytes);
    if (!this.paused && !this.delivering) this.deliver();
    else if (this.heldBytes > this.settings.maxHeldBytes) {
      const text = `more than ${this.settings.maxHeldBytes} bytes have come while reading was paused (maxHeldBytes)`;
      this.refuse(CloseCode.TooBig, text);
    }
  }

  private deliver(): void {
    const { sink, splitter } = this;
    if (sink === undefined || this.delivering) return;
    this.delivering = true;
    try {
      while (!this.paused && this.state !== 'closing' && splitter.fault === undefined) {
        const packet: Packet | undefined = splitter.next();
        if (packet !== undefined) {
          sink.packet(packet);
          continue;
        }
        const next = splitter.fault === undefined ? this.takeHeld() : undefined;
        if (next === undefined) break;
        splitter.push(next);
      }
    } finally {
      this.delivering = false;
    }
    if (splitter.fault !== undefined && this.state === 'open' && !this.isBroken) {
      this.isBroken = true;
      this.dropHeld();
      sink.broken(splitter.fault, splitter.foreignBytes);
    }
    this.tellEnd();
  }

  private takeHeld(): Uint8Array | undefined {
    const next = this.held[this.taken];
    if (next === undefined) return undefined;
    this.held[this.taken++] = EMPTY;
    this.heldBytes -= next.length + MESSAGE_BYTES;
    if (this.taken === this.held.length) this.dropHeld();
    return next;
  }

  private dropHeld(): void {
    this.held.length = 0;
    this.taken = 0;
    this.heldBytes = 0;
  }

  /** What has come before the end is not read any more, so the sink is told of the end. */
  private leaveRest(): void {
    this.dropHeld();
    this.afterCall(() => this.tellEnd());
  }

  /** The caller may be in the middle of something. */
  private afterCall(work: () => void): void {
    platform.setTimeout(() => this.guarded(work), 0);
  }

  /** Looks from time to time how far the platform has got, as long as it holds something. */
  private watch(): void {
    if (this.looking !== undefined || this.unsentBytes === 0) return;
    this.sending.begin(platform.performance.now(), this.unsentBytes);
    this.lookLater();
  }

  private lookLater(): void {
    this.looking = platform.setTimeout(() => this.guarded(() => this.look()), LOOK_MS);
  }

  private look(): void {
    this.looking = undefined;
    if (this.state === 'over') return;
    const { unsentBytes } = this;
    const silentMs = this.sending.look(platform.performance.now(), unsentBytes);
    const { stallTimeoutMs, highWaterBytes } = this.settings;
    if (unsentBytes > 0 && stallTimeoutMs > 0 && silentMs >= stallTimeoutMs) {
      this.stalled = true;
      const text = `${this.remoteAddress} has taken nothing for ${stallTimeoutMs} ms while bytes wait for it`;
      this.abort(new TransportError(text));
      return;
    }
    if (this.full && unsentBytes < highWaterBytes) {
      this.full = false;
      this.sink?.drained();
    }
    if (unsentBytes > 0) this.lookLater();
  }

  private refuse(code: number, text: string): void {
    this.failure ??= new TransportError(`${this.remoteAddress}: ${text}`, { isRetryable: false });
    this.endSocket(OF_PLATFORM + code, text);
    this.ended(undefined);
  }

  private endSocket(code: number, reason: string): void {
    try {
      this.socket.close(code, reason.slice(0, MAX_REASON_CHARACTERS).replace(/[^ -~]/g, '?'));
    } catch {
      // It is over already, or takes no code: there is nothing more to be done about it.
    }
  }

  private ended(failure: NnrpError | undefined): void {
    if (this.state === 'over') return;
    this.failure ??= failure;
    this.state = 'over';
    platform.clearTimeout(this.looking);
    platform.clearTimeout(this.closeTimer);
    const { full } = this;
    this.full = false;
    if (full) this.sink?.drained();
    this.settle();
    if (!this.delivering) this.deliver();
  }

  /** Not before everything is delivered that came before the end. */
  private tellEnd(): void {
    const { sink } = this;
    if (this.state !== 'over' || this.isTold || sink === undefined || (this.paused && this.heldBytes > 0)) return;
    this.isTold = true;
    sink.closed(this.failure);
  }

  /** What the receiver of the packets throws ends this connection, and nothing else. */
  private guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.abort(new TransportError(`${this.remoteAddress}: the receiver of its packets failed`, { cause: error }));
    }
  }
}

const EMPTY = new Uint8Array(0);
const NO_CLOSE_FRAME = 1006;

/** Of whatever realm. */
function isArrayBuffer(data: unknown): data is ArrayBuffer {
  return Object.prototype.toString.call(data) === '[object ArrayBuffer]';
}

/** What does not begin like a packet is left to the splitter, which has words for it. */
function lengthFault(bytes: Uint8Array): string | undefined {
  if (bytes.length > 0 && !beginsLikePacket(bytes, 0, bytes.length)) return undefined;
  if (bytes.length < COMMON_HEADER_BYTES) return `a message of ${bytes.length} bytes is no NNRP packet`;
  const length = packetLength(bytes, 0);
  return length === bytes.length ? undefined : `a message of ${bytes.length} bytes holds a packet of ${length}`;
}
