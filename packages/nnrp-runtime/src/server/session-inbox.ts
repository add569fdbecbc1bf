import { ClosedError, type NnrpError, UsageError } from 'nnrp-core';
import { AsyncQueue, type Waiter } from '../async-queue.js';
import { described } from '../base/described.js';
import { heldByDetails } from '../connection/error-details.js';
import type { OperationContext } from './operation-context.js';
import type { NnrpCancel, NnrpClose, NnrpMigration, NnrpPatch, SessionEvent } from './server-messages.js';
import { type EventsOwner, SessionEventIterator } from './session-event-iterator.js';
import type { SessionReceiver } from './session-ports.js';

/** Cancels that may wait unread. */
const MAX_CANCELS = 1024;
/** Events that may wait unread before those that need no answer are left out. */
export const MAX_EVENTS = 4096;
/** What one of them costs, rounded up: the longest diagnostic text included. */
const EVENT_BYTES = 1024;

interface RareKinds {
  cancel: NnrpCancel;
  patch: NnrpPatch;
  migrate: NnrpMigration;
  close: NnrpClose;
}

interface Arrived<T> {
  readonly message: T;
  /** Place in the order of arrival over all kinds. */
  readonly number: number;
}

/** Counts the submits that wait. */
export interface InboxOwner {
  /** A submit is handed out. */
  taken(operation: OperationContext): void;
  /** A submit that was handed out waits once more. */
  waits(operation: OperationContext): void;
  /** Other messages do not wait any more. */
  eased(): void;
  /** Whether so much waits that only what needs an answer is kept. */
  readonly isFull: boolean;
  /** An event was left out because too many wait. */
  eventLeftOut(): void;
  /** An event waits that is no submit, and takes so many bytes; a negative number when it waits no more. */
  eventBytes(bytes: number): void;
}

/**
 * The messages of a session that its application has not taken yet: by kind, or all in order while a loop over `events`
 * takes them.
 */
export class SessionInbox implements EventsOwner {
  private submits: AsyncQueue<OperationContext> | undefined;
  private rare: { [Kind in keyof RareKinds]?: AsyncQueue<Arrived<RareKinds[Kind]>> } | undefined;
  private everything: AsyncQueue<SessionEvent> | undefined;
  /** Who takes the messages when they are not asked for by kind. */
  private takenBy: string | undefined;
  private arrivals = 0;
  private endReason: NnrpError | undefined;
  private submitsEnd: NnrpError | undefined;

  constructor(private readonly owner: InboxOwner) {}

  /** Submits that wait; with `events`, whatever waits. */
  get submitCount(): number {
    return (this.everything ?? this.submits)?.size ?? 0;
  }

  /** What waits for a loop over `events`. */
  get eventCount(): number {
    return this.everything?.size ?? 0;
  }

  /** Whether the application takes events in order instead of messages by kind. */
  get yieldsEvents(): boolean {
    return this.everything !== undefined;
  }

  /** @returns whether the submit waits, that is, nobody was waiting for it */
  pushSubmit(operation: OperationContext): boolean {
    if (this.everything !== undefined) return this.pushEvent({ type: 'submit', submit: operation });
    operation.arrival = this.arrivals++;
    const waits = this.submitQueue().push(operation);
    if (!waits && this.submitsEnd === undefined) this.owner.taken(operation);
    return waits;
  }

  /** @throws UsageError when somebody else takes the messages of the session */
  nextSubmit(): Promise<OperationContext> {
    const refusal = this.takenAway('submit');
    if (refusal !== undefined) throw refusal;
    const waiting = this.takeSubmit();
    return waiting === undefined ? this.submitQueue().next() : Promise.resolve(waiting);
  }

  /** The next submit if one waits. */
  takeSubmit(): OperationContext | undefined {
    const waiting = this.submits?.tryTake();
    if (waiting !== undefined) this.owner.taken(waiting);
    return waiting;
  }

  /** For a loop over the submits: it waits for the next one. */
  awaitSubmit(waiter: Waiter<OperationContext>): void {
    const refusal = this.takenAway('submit');
    if (refusal === undefined) this.submitQueue().wait(waiter);
    else waiter.reject(refusal);
  }

  /** For a loop over the submits: it does not wait any more. */
  withdraw(waiter: Waiter<OperationContext>): void {
    this.submits?.withdraw(waiter);
  }

  /** Submits that were handed out, and nobody has looked at, in order: they go before all that wait. */
  putBack(operations: readonly OperationContext[]): void {
    const back = operations.filter(({ isOver }) => !isOver);
    if (back.length === 0) return;
    const waiting =
      this.everything === undefined
        ? this.submitQueue().putBack(back)
        : this.everything.putBack(back.map((submit) => ({ type: 'submit', submit })));
    for (const operation of back.slice(back.length - waiting)) this.owner.waits(operation);
  }

  pushPatch(patch: NnrpPatch): void {
    this.push('patch', patch);
  }

  pushMigration(migration: NnrpMigration): void {
    this.push('migrate', migration);
  }

  /** The oldest gives way when too many wait: the frame has been answered already. */
  pushCancel(cancel: NnrpCancel): void {
    if (this.everything === undefined && this.rareQueue('cancel').size >= MAX_CANCELS)
      this.rareQueue('cancel').tryTake();
    this.push('cancel', cancel);
  }

  pushClose(close: NnrpClose): void {
    this.push('close', close);
  }

  /** A message that only `events` shows. */
  pushEvent(event: SessionEvent): boolean {
    if (this.everything === undefined) return false;
    if (!needsAnswer(event) && (this.everything.size >= MAX_EVENTS || this.owner.isFull)) {
      this.owner.eventLeftOut();
      return true;
    }
    // Submits say of themselves what there is to say, and are many.
    const waits = this.everything.push(event.type === 'submit' ? event : described(event));
    if (!waits && event.type === 'submit') this.owner.taken(event.submit as OperationContext);
    // A submit that waits is counted by itself.
    if (waits && event.type !== 'submit') this.owner.eventBytes(heldBy(event));
    return waits;
  }

  /** @throws UsageError when somebody else takes the messages of the session */
  next<Kind extends keyof RareKinds>(kind: Kind): Promise<RareKinds[Kind]> {
    const refusal = this.takenAway(kind);
    if (refusal !== undefined) throw refusal;
    return this.rareQueue(kind)
      .next()
      .then(({ message }) => message);
  }

  /**
   * Every message in the order of arrival, those that wait included, until the session is over. It takes them from the
   * call on, until the loop is left: nothing is lost while the first one is not asked for yet.
   */
  events(): SessionEventIterator {
    const refusal = this.takenAway('events()');
    return new SessionEventIterator(this, refusal === undefined ? this.takeEverything() : new AsyncQueue(), refusal);
  }

  private takeEverything(): AsyncQueue<SessionEvent> {
    const everything = new AsyncQueue<SessionEvent>();
    this.takenBy = 'events()';
    for (const event of this.gather()) {
      everything.push(event);
      if (event.type !== 'submit') this.owner.eventBytes(heldBy(event));
    }
    this.everything = everything;
    if (this.endReason !== undefined) everything.end(this.endReason);
    return everything;
  }

  eventTaken(event: SessionEvent): void {
    if (event.type === 'submit') this.owner.taken(event.submit as OperationContext);
    else this.owner.eventBytes(-heldBy(event));
  }

  /** The messages are asked for by kind again. What only `events` shows is gone. */
  eventsLeft(everything: AsyncQueue<SessionEvent>, unseen: SessionEvent[]): void {
    if (this.everything !== everything) return;
    this.everything = undefined;
    this.takenBy = undefined;
    const { endReason, submitsEnd } = this;
    // What waits is handed out after the end as well, but a queue takes nothing after it.
    this.endReason = undefined;
    this.submitsEnd = undefined;
    for (const event of unseen) this.sortIn(event);
    for (const event of everything.drain()) {
      if (event.type !== 'submit') this.owner.eventBytes(-heldBy(event));
      this.sortIn(event);
    }
    if (submitsEnd !== undefined) this.endSubmits(submitsEnd);
    if (endReason !== undefined) this.end(endReason);
    else this.owner.eased();
  }

  /** What a loop over all messages has left. */
  private sortIn(event: SessionEvent): void {
    if (event.type === 'submit') {
      const operation = event.submit as OperationContext;
      if (operation.isOver) this.owner.taken(operation);
      else {
        operation.arrival = this.arrivals++;
        this.submitQueue().push(operation);
        if (!operation.isUnread) this.owner.waits(operation);
      }
    } else if (event.type === 'cancel') this.pushCancel(event.cancel);
    else if (event.type === 'patch') this.pushPatch(event.patch);
    else if (event.type === 'migrate') this.pushMigration(event.migration);
    else if (event.type === 'close') this.pushClose(event.close);
  }

  /** Passes on what waits, in order; from now on somebody else takes the messages of this session. */
  handOver(receiver: SessionReceiver): void {
    this.requireKinds('serve()');
    this.takenBy = 'serve()';
    const waiting = this.gather();
    for (const event of waiting) {
      if (event.type === 'submit') {
        this.owner.taken(event.submit as OperationContext);
        receiver.submit(event.submit as OperationContext);
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
  remove(operation: OperationContext): void {
    this.submits?.remove(operation);
  }

  /** Rejects whatever is awaited; submits that wait are gone, a close request is still handed out. */
  end(reason: NnrpError): void {
    if (this.endReason !== undefined) return;
    this.endReason = reason;
    this.submitsEnd ??= reason;
    this.submits?.drain();
    this.submits?.end(reason);
    for (const queue of Object.values(this.rare ?? {})) queue?.end(reason);
    this.everything?.end(reason);
  }

  private push<Kind extends keyof RareKinds>(kind: Kind, message: RareKinds[Kind]): void {
    if (this.everything !== undefined) this.pushEvent(eventOf(kind, message));
    else this.rareQueue(kind).push({ message: described(message), number: this.arrivals++ });
  }

  private submitQueue(): AsyncQueue<OperationContext> {
    if (this.submits === undefined) {
      this.submits = new AsyncQueue();
      if (this.submitsEnd !== undefined) this.submits.end(this.submitsEnd);
    }
    return this.submits;
  }

  private rareQueue<Kind extends keyof RareKinds>(kind: Kind): AsyncQueue<Arrived<RareKinds[Kind]>> {
    this.rare ??= {};
    const queues = this.rare as { [Name in Kind]?: AsyncQueue<Arrived<RareKinds[Kind]>> };
    let queue = queues[kind];
    if (queue === undefined) {
      queue = new AsyncQueue();
      queues[kind] = queue;
      if (this.endReason !== undefined) queue.end(this.endReason);
    }
    return queue;
  }

  /** Everything that waits, in the order of arrival; whoever waits for a kind of message is told that none will come. */
  private gather(): SessionEvent[] {
    const arrived: { event: SessionEvent; number: number }[] = [];
    for (const operation of this.submits?.drain() ?? []) {
      arrived.push({ event: { type: 'submit', submit: operation }, number: operation.arrival });
    }
    this.submits?.end(new ClosedError('somebody else takes the messages of this session'));
    for (const kind of ['cancel', 'patch', 'migrate', 'close'] as const) {
      const queue = this.rare?.[kind] as AsyncQueue<Arrived<RareKinds[typeof kind]>> | undefined;
      for (const { message, number } of queue?.drain() ?? []) arrived.push({ event: eventOf(kind, message), number });
      queue?.end(new ClosedError('somebody else takes the messages of this session'));
    }
    this.submits = undefined;
    this.rare = undefined;
    return arrived.sort((a, b) => a.number - b.number).map(({ event }) => event);
  }

  /** @throws UsageError when somebody else takes the messages of the session */
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

function heldBy(event: SessionEvent): number {
  return event.type === 'error' ? EVENT_BYTES + heldByDetails(event.details) : EVENT_BYTES;
}

function needsAnswer(event: SessionEvent): boolean {
  return event.type === 'submit' || event.type === 'close' || event.type === 'patch' || event.type === 'migrate';
}

function eventOf<Kind extends keyof RareKinds>(kind: Kind, message: RareKinds[Kind]): SessionEvent {
  switch (kind) {
    case 'cancel':
      return { type: 'cancel', cancel: message as NnrpCancel };
    case 'patch':
      return { type: 'patch', patch: message as NnrpPatch };
    case 'migrate':
      return { type: 'migrate', migration: message as NnrpMigration };
    default:
      return { type: 'close', close: message as NnrpClose };
  }
}
