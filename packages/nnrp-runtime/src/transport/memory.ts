import { markAsUntransferable } from 'node:worker_threads';
import { ClosedError, INSPECT, type Inspect, inspected, type NnrpError, Packet, TransportError } from 'nnrp-core';
import { trueLength } from '../base/bytes.js';
import { type Guarded, nextTurn } from '../base/guard.js';
import { answering } from '../base/promises/settled.js';
import { AsyncQueue } from '../base/queues/async-queue.js';
import { warn } from '../base/warn.js';
import type {
  FramedConnector,
  FramedListener,
  FramedTransport,
  OutboundPacket,
  PacketSink,
} from './contract/contract.js';
import { type MemoryOptions, memoryOptions } from './memory-options.js';
import { copyIntact } from './stream/lent-packet.js';

const HEADER_BYTES = 40;
/** Packets taken from an inbox before it is moved together. */
const MIN_COMPACTION = 1024;

/**
 * Two ends of a connection inside one process: a real transport, message-framed, for tests and for a client and a
 * server that share a process. Packets arrive in a later turn, in order.
 *
 * @throws UsageError on an option that does not exist or cannot work
 */
export function memoryPair(options: MemoryOptions = {}): [FramedTransport, FramedTransport] {
  const { highWaterBytes } = memoryOptions(options);
  const left = new MemoryTransport('memory:left', highWaterBytes);
  const right = new MemoryTransport('memory:right', highWaterBytes);
  left.link(right);
  right.link(left);
  return [left, right];
}

/** Accepts the connections that its connector makes. */
export class MemoryListener implements FramedListener, FramedConnector {
  readonly kind = 'memory';
  readonly address = 'memory';
  private readonly waiting = new AsyncQueue<FramedTransport>();

  private readonly options: MemoryOptions;

  /** @throws UsageError on an option that does not exist or cannot work */
  constructor(options: MemoryOptions = {}) {
    this.options = memoryOptions(options);
  }

  accept(): Promise<FramedTransport> {
    return this.waiting.next();
  }

  connect(): Promise<FramedTransport> {
    return answering(() => {
      if (this.waiting.ended) throw new ClosedError('the memory listener is closed');
      const [client, server] = memoryPair(this.options);
      this.waiting.push(server);
      return client;
    });
  }

  close(): Promise<void> {
    return answering(() => {
      for (const connection of this.waiting.drain()) connection.abort();
      this.waiting.end(new ClosedError('the memory listener is closed'));
    });
  }

  /** Plain facts, as logs show them: no payload, no secret. */
  toJSON(): Record<string, unknown> {
    const { kind, address } = this;
    return { kind, address, waitingConnections: this.waiting.size };
  }

  [INSPECT](depth: number, options: object, inspect?: Inspect): unknown {
    return inspected('MemoryListener', this.toJSON(), depth, options, inspect);
  }
}

class MemoryTransport implements FramedTransport, Guarded {
  readonly kind = 'memory';
  private peer: MemoryTransport | undefined;
  private sink: PacketSink | undefined;
  /** From `inboxHead` on; undefined where a packet was taken. */
  private inbox: (Packet | undefined)[] = [];
  private inboxHead = 0;
  private inboxBytes = 0;
  private paused = true;
  private scheduled = false;
  private peerFull = false;
  private closing = false;
  private peerGone = false;
  private failure: NnrpError | undefined;
  private closedReported = false;
  private resolveClosed: () => void = () => {};
  private readonly whenClosed = new Promise<void>((resolve) => {
    this.resolveClosed = resolve;
  });

  constructor(
    readonly remoteAddress: string,
    private readonly highWaterBytes: number,
  ) {}

  link(peer: MemoryTransport): void {
    this.peer = peer;
  }

  start(sink: PacketSink): void {
    this.sink = sink;
    this.resume();
  }

  send(packet: OutboundPacket): boolean {
    if (this.closing || this.peerGone || this.peer === undefined) return true;
    const { headBytes, body } = packet;
    const length = packet.bodyLength ?? trueLength(body);
    const bytes = new Uint8Array(headBytes + length);
    const view = new DataView(bytes.buffer);
    packet.writeHead(view, 0);
    copyIntact(body, length, bytes, headBytes);
    // As on every other transport, so that what works here works there.
    markAsUntransferable(bytes.buffer);
    return this.peer.receive(new Packet(bytes, view, 0, headBytes - HEADER_BYTES, length));
  }

  /** For the guard: the receiver of the packets has thrown. The other end is told like of any other end. */
  crashed(error: unknown): void {
    // closed() has been called already: it cannot report this error.
    if (this.closedReported) warn(`${this.remoteAddress}: an error after the end of the connection`, error);
    else this.abort(new TransportError(`${this.remoteAddress}: the receiver of its packets failed`, { cause: error }));
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    this.schedule();
  }

  close(): Promise<void> {
    this.end(undefined);
    return this.whenClosed;
  }

  abort(error?: NnrpError): void {
    this.peer?.discard();
    this.end(error);
  }

  /** Plain facts, as logs show them: no payload, no secret. */
  toJSON(): Record<string, unknown> {
    const { kind, remoteAddress } = this;
    const state = this.closedReported ? 'closed' : this.closing ? 'closing' : 'open';
    return { kind, remoteAddress, state, unreadPackets: this.inbox.length - this.inboxHead };
  }

  [INSPECT](depth: number, options: object, inspect?: Inspect): unknown {
    return inspected('MemoryTransport', this.toJSON(), depth, options, inspect);
  }

  private end(error: NnrpError | undefined): void {
    if (this.closing) return;
    this.failure = error;
    this.closing = true;
    this.discard();
    this.peer?.ended();
    this.schedule();
  }

  private receive(packet: Packet): boolean {
    if (this.closing) return true;
    this.inbox.push(packet);
    this.inboxBytes += packet.byteLength;
    this.schedule();
    if (this.inboxBytes < this.highWaterBytes) return true;
    this.peerFull = true;
    return false;
  }

  private ended(): void {
    this.peerGone = true;
    const { peer } = this;
    if (peer?.peerFull) {
      peer.peerFull = false;
      nextTurn(this, () => this.drained());
    }
    this.schedule();
  }

  private discard(): void {
    this.inbox = [];
    this.inboxHead = 0;
  }

  /** Not `shift`, which moves all of a long inbox. */
  private take(): Packet | undefined {
    const packet = this.inbox[this.inboxHead];
    if (packet === undefined) return undefined;
    this.inbox[this.inboxHead++] = undefined;
    if (this.inboxHead === this.inbox.length) this.discard();
    else if (this.inboxHead >= MIN_COMPACTION && this.inboxHead * 2 >= this.inbox.length) {
      this.inbox = this.inbox.slice(this.inboxHead);
      this.inboxHead = 0;
    }
    return packet;
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    nextTurn(this, () => {
      this.scheduled = false;
      this.deliver();
    });
  }

  private deliver(): void {
    const { sink } = this;
    while (sink !== undefined && !this.paused && !this.closing) {
      const packet = this.take();
      if (packet === undefined) break;
      this.inboxBytes -= packet.byteLength;
      sink.packet(packet);
    }
    if (this.peerFull && this.inboxBytes < this.highWaterBytes && this.peer !== undefined) {
      this.peerFull = false;
      const { peer } = this;
      nextTurn(peer, () => peer.drained());
    }
    this.reportClosed();
  }

  private drained(): void {
    if (!this.closedReported && !this.closing) this.sink?.drained();
  }

  private reportClosed(): void {
    const isOver = this.closing || (this.peerGone && this.inbox.length === 0);
    if (!isOver || this.closedReported) return;
    if (this.closing) this.resolveClosed();
    // No sink yet: start() reports it.
    if (this.sink === undefined) return;
    this.closedReported = true;
    this.closing = true;
    this.peer?.ended();
    this.resolveClosed();
    this.sink.closed(this.failure);
  }
}
