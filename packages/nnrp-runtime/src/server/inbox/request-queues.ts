import type { NnrpError } from 'nnrp-core';
import { described } from '../../base/application/described.js';
import { AsyncQueue } from '../../base/queues/async-queue.js';
import type { NnrpServerConfig } from '../contract/server-config.js';
import type {
  NnrpCancel,
  NnrpClose,
  NnrpMigration,
  NnrpPatch,
  ServerSessionEvent,
} from '../contract/server-messages.js';
import type { QueuedSubmits } from './queued-submits.js';

/** Cancels that may wait unread. */
const MAX_CANCELS = 1024;
/** What one of them holds (measured, rounded up). */
const CANCEL_BYTES = 256;
/** Of what may wait in a session, the part up to which cancels may, which an application need not take. */
const CANCEL_SHARE = 8;
const KINDS = ['cancel', 'patch', 'migrate', 'close'] as const;

/** The messages of a session that come seldom, beside its submits. */
export interface RequestKinds {
  cancel: NnrpCancel;
  patch: NnrpPatch;
  migrate: NnrpMigration;
  close: NnrpClose;
}

/** A message with its place in the order of arrival over all kinds. */
export interface Arrived<T> {
  readonly message: T;
  readonly number: number;
}

/** What waits in a session, and how much may. */
export interface RequestQueuesOwner {
  readonly config: Pick<NnrpServerConfig, 'maxQueuedBytes'>;
  readonly queued: Pick<QueuedSubmits, 'count' | 'byteLength' | 'isLow'>;
}

/** Those that the application of a session has not taken yet, each kind by itself. */
export class RequestQueues {
  private readonly queues: { [Kind in keyof RequestKinds]?: AsyncQueue<Arrived<RequestKinds[Kind]>> } = {};

  /** @param endReason - the session is over: nothing comes any more */
  constructor(
    private readonly owner: RequestQueuesOwner,
    private endReason: NnrpError | undefined,
  ) {}

  /** The oldest cancel gives way when too much waits: its frame has been answered already. The last one stays in any case. */
  push<Kind extends keyof RequestKinds>(kind: Kind, message: RequestKinds[Kind], number: number): void {
    const queue = this.queue(kind);
    const waits = queue.push({ message: described(message), number });
    if (!waits || kind !== 'cancel') return;
    const { queued, config } = this.owner;
    const isLow = queued.isLow && queued.byteLength * CANCEL_SHARE < config.maxQueuedBytes;
    if (queue.size === 1 || (isLow && queue.size <= MAX_CANCELS)) queued.count(CANCEL_BYTES);
    else queue.tryTake();
  }

  next<Kind extends keyof RequestKinds>(kind: Kind): Promise<RequestKinds[Kind]> {
    const queue = this.queue(kind);
    if (kind === 'cancel' && queue.size > 0) this.owner.queued.count(-CANCEL_BYTES);
    return queue.next().then(({ message }) => message);
  }

  /** No more: what waits is still handed out. */
  end(reason: NnrpError): void {
    this.endReason = reason;
    for (const queue of Object.values(this.queues)) queue?.end(reason);
  }

  /** Takes out everything that waits. @param reason - for the calls that wait for a message, which will not come */
  takeAll(reason: NnrpError): Arrived<ServerSessionEvent>[] {
    const events: Arrived<ServerSessionEvent>[] = [];
    for (const kind of KINDS) {
      const queue = this.queues[kind] as AsyncQueue<Arrived<RequestKinds[typeof kind]>> | undefined;
      if (kind === 'cancel') this.owner.queued.count(-CANCEL_BYTES * (queue?.size ?? 0));
      for (const { message, number } of queue?.drain() ?? []) events.push({ message: eventOf(kind, message), number });
      queue?.end(reason);
    }
    return events;
  }

  private queue<Kind extends keyof RequestKinds>(kind: Kind): AsyncQueue<Arrived<RequestKinds[Kind]>> {
    const queues = this.queues as { [Name in Kind]?: AsyncQueue<Arrived<RequestKinds[Kind]>> };
    let queue = queues[kind];
    if (queue === undefined) {
      queue = new AsyncQueue();
      queues[kind] = queue;
      if (this.endReason !== undefined) queue.end(this.endReason);
    }
    return queue;
  }
}

export function eventOf<Kind extends keyof RequestKinds>(kind: Kind, message: RequestKinds[Kind]): ServerSessionEvent {
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
