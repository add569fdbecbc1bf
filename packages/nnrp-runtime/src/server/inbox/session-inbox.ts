import { ClosedError, type FlowFields, type NnrpError, UsageError } from 'nnrp-core';
import { BackpressureLevel, UpdateReason } from 'nnrp-core/preview3';
import { described } from '../../base/application/described.js';
import { AsyncQueue, type Waiter } from '../../base/queues/async-queue.js';
import { bytesOfDetails } from '../../connection/errors/error-details.js';
import type { ServerBounds } from '../contract/server-bounds.js';
import type { NnrpServerConfig } from '../contract/server-config.js';
import type {
  NnrpCancel,
  NnrpClose,
  NnrpMigration,
  NnrpPatch,
  ServerSessionEvent,
} from '../contract/server-messages.js';
import type { Operation } from '../operation/operation.js';
import type { QueuedSubmits } from './queued-submits.js';
import { type Arrived, eventOf, type RequestKinds, RequestQueues } from './request-queues.js';
import { type EventsOwner, SessionEventIterator } from './session-event-iterator.js';
import type { SessionReceiver } from './session-receiver.js';

/** Events that may wait unread before those that need no answer are left out. */
export const MAX_EVENTS = 4096;
/** What one of them costs, rounded up: the longest diagnostic text included. */
const EVENT_BYTES = 1024;

/** What an inbox needs of its session. */
export interface InboxOwner {
  readonly config: Pick<NnrpServerConfig, 'maxQueuedSubmits' | 'maxQueuedBytes'>;
  readonly connection: {
    readonly bounds: Pick<ServerBounds, 'hit'>;
    /** Stops reading until `release`. */
    hold(): void;
    release(): void;
  };
  /** What waits, and the memory that it keeps. */
  readonly queued: Pick<QueuedSubmits, 'add' | 'remove' | 'count' | 'byteLength' | 'isLow'>;
  sendFlow(fields: FlowFields): boolean;
}

/**
 * The messages of a session that its application has not taken yet: by kind, or all in order while a loop over `events`
 * takes them. They are kept within bounds: at half of the limit the client is asked to pause, at the limit its connection
 * is not read any more.
 */
export class SessionInbox implements SessionReceiver, EventsOwner {
  private submits: AsyncQueue<Operation> | undefined;
  private queues: RequestQueues | undefined;
  private everything: AsyncQueue<ServerSessionEvent> | undefined;
  /** What takes the messages when they are not asked for by kind. */
  private takenBy: string | undefined;
  private arrivals = 0;
  private endReason: NnrpError | undefined;
  private submitsEnd: NnrpError | undefined;
  private pausesReading = false;
  private paused = false;

  constructor(private readonly owner: InboxOwner) {}

  /** Submits that wait; with `events`, whatever waits. */
  get submitCount(): number {
    return (this.everything ?? this.submits)?.size ?? 0;
  }

  /** What waits for a loop over `events`. */
  get eventCount(): number {
    return this.everything?.size ?? 0;
  }

  submit(operation: Operation): void {
    if (this.pushSubmit(operation)) this.waits(operation);
  }

  /** @returns whether the submit waits, that is, no call was waiting for it */
  private pushSubmit(operation: Operation): boolean {
    if (this.everything !== undefined) return this.event({ type: 'submit', submit: operation });
    operation.arrival = this.arrivals++;
    const waits = this.submitQueue().push(operation);
    if (!waits && this.submitsEnd === undefined) this.taken(operation);
    return waits;
  }

  /** @throws UsageError when another loop or call takes the messages of the session */
  nextSubmit(): Promise<Operation> {
    const refusal = this.takenAway('submit');
    if (refusal !== undefined) throw refusal;
    const waiting = this.takeSubmit();
    return waiting === undefined ? this.submitQueue().next() : Promise.resolve(waiting);
  }

  /** The next submit if one waits. */
  takeSubmit(): Operation | undefined {
    const waiting = this.submits?.tryTake();
    if (waiting !== undefined) this.taken(waiting);
    return waiting;
  }

  /** For a loop over the submits: it waits for the next one. */
  awaitSubmit(waiter: Waiter<Operation>): void {
    const refusal = this.takenAway('submit');
    if (refusal === undefined) this.submitQueue().wait(waiter);
    else waiter.reject(refusal);
  }

  /** For a loop over the submits: it does not wait any more. */
  waitsNoMore(waiter: Waiter<Operation>): void {
    this.submits?.withdraw(waiter);
  }

  /** Submits that were handed out and not looked at, in order: they go before all that wait. */
  putBack(operations: readonly Operation[]): void {
    const back = operations.filter(({ isOver }) => !isOver);
    if (back.length === 0) return;
    const waiting =
      this.everything === undefined
        ? this.submitQueue().putBack(back)
        : this.everything.putBack(back.map((submit) => ({ type: 'submit', submit })));
    for (const operation of back.slice(back.length - waiting)) this.waits(operation);
  }

  patch(patch: NnrpPatch): void {
    this.push('patch', patch);
  }

  migrate(migration: NnrpMigration): void {
    this.push('migrate', migration);
  }

  cancel(cancel: NnrpCancel): void {
    this.push('cancel', cancel);
  }

  close(close: NnrpClose): void {
    this.push('close', close);
  }

  /** A message that only `events` shows. @returns whether it waits, or was left out */
  event(event: ServerSessionEvent): boolean {
    if (this.everything === undefined) return false;
    if (!needsAnswer(event) && (this.everything.size >= MAX_EVENTS || this.isFull)) {
      this.owner.connection.bounds.hit('unreadEvents');
      return true;
    }
    // Submits say of themselves what there is to say, and are many.
    const waits = this.everything.push(event.type === 'submit' ? event : described(event));
    if (!waits && event.type === 'submit') this.taken(event.submit as Operation);
    // A submit that waits is counted by itself.
    if (waits && event.type !== 'submit') this.owner.queued.count(retainedBytes(event));
    return waits;
  }

  /** @throws UsageError when another loop or call takes the messages of the session */
  next<Kind extends keyof RequestKinds>(kind: Kind): Promise<RequestKinds[Kind]> {
    const refusal = this.takenAway(kind);
    if (refusal !== undefined) throw refusal;
    return this.requestQueues().next(kind);
  }

  /**
   * Every message in the order of arrival, those that wait included, until the session is over. It takes them from the
   * call on, until the loop is left: nothing is lost while the first one is not asked for yet.
   */
  events(): SessionEventIterator {
    const refusal = this.takenAway('events()');
    return new SessionEventIterator(this, refusal === undefined ? this.takeEverything() : new AsyncQueue(), refusal);
  }

  private takeEverything(): AsyncQueue<ServerSessionEvent> {
    const everything = new AsyncQueue<ServerSessionEvent>();
    this.takenBy = 'events()';
    for (const event of this.gather()) {
      everything.push(event);
      if (event.type !== 'submit') this.owner.queued.count(retainedBytes(event));
    }
    this.everything = everything;
    if (this.endReason !== undefined) everything.end(this.endReason);
    return everything;
  }

  eventTaken(event: ServerSessionEvent): void {
    if (event.type === 'submit') this.taken(event.submit as Operation);
    else this.owner.queued.count(-retainedBytes(event));
  }

  /** The messages are asked for by kind again. What only `events` shows is gone. */
  eventsLeft(everything: AsyncQueue<ServerSessionEvent>, unseen: ServerSessionEvent[]): void {
    if (this.everything !== everything) return;
    this.everything = undefined;
    this.takenBy = undefined;
    const { endReason, submitsEnd } = this;
    // What waits is handed out after the end as well, but a queue takes nothing after it.
    this.endReason = undefined;
    this.submitsEnd = undefined;
    for (const event of unseen) this.sortIn(event);
    for (const event of everything.drain()) {
      if (event.type !== 'submit') this.owner.queued.count(-retainedBytes(event));
      this.sortIn(event);
    }
    if (submitsEnd !== undefined) this.endSubmits(submitsEnd);
    if (endReason !== undefined) this.ended(endReason);
    else this.eased();
  }

  /** What a loop over all messages has left. */
  private sortIn(event: ServerSessionEvent): void {
    if (event.type === 'submit') {
      const operation = event.submit as Operation;
      if (operation.isOver) this.taken(operation);
      else {
        operation.arrival = this.arrivals++;
        this.submitQueue().push(operation);
        if (!operation.isUnread) this.waits(operation);
      }
    } else if (event.type === 'cancel') this.cancel(event.cancel);
    else if (event.type === 'patch') this.patch(event.patch);
    else if (event.type === 'migrate') this.migrate(event.migration);
    else if (event.type === 'close') this.close(event.close);
  }

  /** Passes on what waits, in order; from now on the new receiver takes the messages of this session. */
  passTo(receiver: SessionReceiver): void {
    this.requireKinds('serve()');
    this.takenBy = 'serve()';
    const waiting = this.gather();
    for (const event of waiting) {
      if (event.type === 'submit') {
        this.taken(event.submit as Operation);
        receiver.submit(event.submit as Operation);
      } else if (event.type === 'cancel') receiver.cancel(event.cancel);
      else if (event.type === 'patch') receiver.patch(event.patch);
      else if (event.type === 'migrate') receiver.migrate(event.migration);
      else if (event.type === 'close') receiver.close(event.close);
    }
  }

  /** No more submits: what waits is still handed out. */
  endSubmits(reason: NnrpError): void {
    this.submitsEnd ??= reason;
    this.submits?.end(reason);
  }

  /** Takes a submit out that was given up while it waited. */
  withdraw(operation: Operation): void {
    // Among events it stays, and counts, until it is taken.
    if (!operation.isUnread || this.everything !== undefined) return;
    this.submits?.remove(operation);
    this.removed(operation);
  }

  /** Rejects whatever is awaited; submits that wait are gone, a close request is still handed out. */
  ended(reason: NnrpError): void {
    if (this.endReason !== undefined) return;
    this.endReason = reason;
    this.submitsEnd ??= reason;
    this.submits?.drain();
    this.submits?.end(reason);
    this.queues?.end(reason);
    this.everything?.end(reason);
  }

  /** Nothing waits any more that would keep the connection from being read. */
  readOn(): void {
    if (!this.pausesReading) return;
    this.pausesReading = false;
    this.owner.connection.release();
  }

  /** It waits for the application, perhaps for the second time. */
  private waits(operation: Operation): void {
    const { owner } = this;
    operation.isUnread = true;
    owner.queued.add(operation);
    if (!this.pausesReading && this.reaches(1)) {
      const { maxQueuedSubmits } = owner.config;
      owner.connection.bounds.hit(this.submitCount >= maxQueuedSubmits ? 'queuedSubmits' : 'queuedBytes');
      this.pausesReading = true;
      owner.connection.hold();
    }
    if (!this.paused && this.reaches(2)) {
      this.paused = true;
      owner.sendFlow({ updateReason: UpdateReason.Congestion, backpressureLevel: BackpressureLevel.Hard });
    }
  }

  /** The application has it now. */
  private taken(operation: Operation): void {
    operation.begin();
    this.removed(operation);
  }

  private removed(operation: Operation): void {
    if (!operation.isUnread) return;
    operation.isUnread = false;
    this.owner.queued.remove(operation);
    this.eased();
  }

  /** Less waits than before. */
  private eased(): void {
    if (this.pausesReading && !this.exceeds(2)) this.readOn();
    if (this.paused && !this.exceeds(4)) {
      this.paused = false;
      this.owner.sendFlow({ updateReason: UpdateReason.Resume });
    }
  }

  /** Whether so much waits that only what needs an answer is kept. */
  private get isFull(): boolean {
    return this.owner.queued.byteLength >= this.owner.config.maxQueuedBytes;
  }

  private reaches(part: number): boolean {
    const { config, queued } = this.owner;
    return this.submitCount * part >= config.maxQueuedSubmits || queued.byteLength * part >= config.maxQueuedBytes;
  }

  private exceeds(part: number): boolean {
    const { config, queued } = this.owner;
    return this.submitCount * part > config.maxQueuedSubmits || queued.byteLength * part > config.maxQueuedBytes;
  }

  private push<Kind extends keyof RequestKinds>(kind: Kind, message: RequestKinds[Kind]): void {
    if (this.everything !== undefined) this.event(eventOf(kind, message));
    else this.requestQueues().push(kind, message, this.arrivals++);
  }

  private submitQueue(): AsyncQueue<Operation> {
    if (this.submits === undefined) {
      this.submits = new AsyncQueue();
      if (this.submitsEnd !== undefined) this.submits.end(this.submitsEnd);
    }
    return this.submits;
  }

  private requestQueues(): RequestQueues {
    this.queues ??= new RequestQueues(this.owner, this.endReason);
    return this.queues;
  }

  /** Everything that waits, in the order of arrival; each call that waits for a kind of message is told that none will come. */
  private gather(): ServerSessionEvent[] {
    // Of most sessions: an error costs more than all else that is done to serve one.
    if (this.submits === undefined && this.queues === undefined) return [];
    const reason = new ClosedError('a loop or a handler takes the messages of this session');
    const arrived: Arrived<ServerSessionEvent>[] = [];
    for (const operation of this.submits?.drain() ?? []) {
      arrived.push({ message: { type: 'submit', submit: operation }, number: operation.arrival });
    }
    this.submits?.end(reason);
    arrived.push(...(this.queues?.takeAll(reason) ?? []));
    this.submits = undefined;
    this.queues = undefined;
    return arrived.sort((a, b) => a.number - b.number).map(({ message }) => message);
  }

  /** @throws UsageError when another loop or call takes the messages of the session */
  requireKinds(by: string): void {
    if (this.takenBy !== undefined) throw new UsageError(`${by}: ${this.takenBy} takes the messages of this session`);
  }

  /** Why messages of this kind do not come any more; undefined while they do. */
  takenAway(kind: string): UsageError | undefined {
    const { takenBy } = this;
    if (takenBy === undefined) return undefined;
    return new UsageError(`${takenBy} takes the messages of this session, ${kind} included`);
  }
}

export function retainedBytes(event: ServerSessionEvent): number {
  if ('body' in event) return EVENT_BYTES + event.body.length;
  if (event.type !== 'peerError') return EVENT_BYTES;
  return EVENT_BYTES + event.diagnostic.length * 2 + bytesOfDetails(event.details);
}

function needsAnswer(event: ServerSessionEvent): boolean {
  return event.type === 'submit' || event.type === 'close' || event.type === 'patch' || event.type === 'migrate';
}
