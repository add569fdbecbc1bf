import { CancelledError, DeadlineError, FlowBlockedError, forCaller, type NnrpError } from 'nnrp-core';
import type * as preview3 from 'nnrp-core/preview3';
import { followSignal, reasonOf } from '../../base/application/abort-signals.js';
import { observer, type ToldSubmit } from '../../base/diagnostics/observer.js';
import { type Guarded, later } from '../../base/guard.js';
import { ignoreRejection } from '../../base/promises/settled.js';
import { MAX_TIMER_MS } from '../../base/time/timer-limit.js';
import { momentOf } from '../../base/time/unix-time.js';
import type { Timer } from '../../platform/platform.js';
import { unixMs } from '../controls/controlled-operation.js';
import type { ClientOperation } from '../results/client-operation.js';
import type { NnrpResult } from '../results/nnrp-result.js';
import type { Blockage } from './submit-gate.js';
import type { SubmitOptions } from './submit-options.js';

/** Places given up at the head of the line, or in its middle, before it is moved together. */
const MIN_COMPACTION = 64;

/** Options of a submit that was told of. */
export type ToldOptions = SubmitOptions & ToldSubmit;

/** Tells of a submit. @returns its options, with the trace id of a subscriber if one has given it */
export function told(sessionId: number, bytes: number, options?: ToldOptions): ToldOptions | undefined {
  return observer === undefined ? options : observer.submit(sessionId, bytes, options);
}

/** What sends a submit whose turn has come. */
export interface SubmitStarter {
  /** Operations of the session in flight. */
  readonly inFlightCount: number;
  start(body: Uint8Array, metadata: preview3.FrameSubmit, options?: ToldOptions): ClientOperation;
  /** Resolves with the operation that was started last, when there is room for more. */
  whenSent(operation: ClientOperation): Promise<ClientOperation>;
}

/** What the caller of a submit gets of its operation when its turn has come. */
export type Begun<Outcome> = (operation: ClientOperation, starter: SubmitStarter) => Promise<Outcome>;

/** The operation itself, when there is room for more. */
export function whenSent(operation: ClientOperation, starter: SubmitStarter): Promise<ClientOperation> {
  return starter.whenSent(operation);
}

/** Its one result. */
export function onlyResult(operation: ClientOperation): Promise<NnrpResult> {
  return operation.onlyResult();
}

/** A submit that waits for its turn. */
export interface WaitingSubmit {
  readonly body: Uint8Array;
  readonly metadata: preview3.FrameSubmit;
  readonly options: ToldOptions | undefined;
  /** Its turn has come. @param starter - what has sent it, which need not be what it was given to */
  begun(operation: ClientOperation, starter: SubmitStarter): void;
  reject(error: Error): void;
  /** Stops listening to its signal. */
  unfollow: (() => void) | undefined;
  /** Ends its wait at its `deadlineAt`. */
  timer: Timer | undefined;
  /** Its place in the line; kept by the line alone. */
  at: number;
}

/** The submits of one session that wait, first come, first served. */
export class WaitingSubmits {
  /** Undefined where one has left. An array, not a Set, for the reason that IdTable of nnrp-core gives. */
  private line: (WaitingSubmit | undefined)[] = [];
  private head = 0;
  private count = 0;
  private timer: Timer | undefined;

  /**
   * @param retryNow - called when a blockage that ends by itself has ended
   * @param limit - submits that may wait at once
   */
  constructor(
    private readonly owner: Guarded,
    public retryNow: () => void,
    private readonly limit: number,
  ) {}

  get isEmpty(): boolean {
    return this.count === 0;
  }

  /**
   * @param body - and the metadata: its own from now on
   * @param options - copied: the application may use the object for the next submit
   * @param begun - what its caller gets of the operation when its turn has come
   * @throws FlowBlockedError when too many wait already
   */
  add<Outcome>(
    body: Uint8Array,
    metadata: preview3.FrameSubmit,
    options: ToldOptions | undefined,
    begun: Begun<Outcome>,
  ): Promise<Outcome> {
    if (this.count >= this.limit) {
      throw new FlowBlockedError(`${this.limit} submits wait already: more may not`, 'too_many_waiting');
    }
    const own = options === undefined ? undefined : ownOptions(options);
    return ignoreRejection(
      new Promise<Outcome>((resolve, reject) => {
        const submit: WaitingSubmit = {
          body,
          metadata,
          options: own,
          begun: (operation, starter) => resolve(begun(operation, starter)),
          reject: (error) => {
            observer?.unsent(own, error);
            reject(error);
          },
          unfollow: undefined,
          timer: undefined,
          at: this.line.length,
        };
        this.line.push(submit);
        this.count++;
        if (own?.signal !== undefined) this.follow(submit, own.signal);
        if (own?.deadlineAt !== undefined) this.watchDeadline(submit, own.deadlineAt);
      }),
    );
  }

  first(): WaitingSubmit | undefined {
    while (this.head < this.line.length && this.line[this.head] === undefined) this.head++;
    return this.line[this.head];
  }

  /** It waits no longer. */
  take(submit: WaitingSubmit): void {
    if (this.line[submit.at] !== submit) return;
    this.line[submit.at] = undefined;
    this.count--;
    submit.unfollow?.();
    clearTimeout(submit.timer);
    if (this.count === 0) this.line.length = 0;
    else if (this.line.length > this.count * 2 + MIN_COMPACTION) this.moveTogether();
    else return;
    this.head = 0;
  }

  /** Tries again when this blockage has ended by itself, if it does. */
  retry({ retryAtMs }: Blockage): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (retryAtMs === undefined) return;
    const delayMs = Math.ceil(retryAtMs - performance.now());
    this.timer = later(this.owner, Math.min(Math.max(delayMs, 1), MAX_TIMER_MS), () => this.retryNow());
  }

  end(reason: NnrpError): void {
    clearTimeout(this.timer);
    for (let submit = this.first(); submit !== undefined; submit = this.first()) {
      this.take(submit);
      submit.reject(forCaller(reason));
    }
  }

  private follow(submit: WaitingSubmit, signal: AbortSignal): void {
    const abort = () => {
      // Not listened to any more: to look for it among all others of the signal would take long.
      submit.unfollow = undefined;
      this.take(submit);
      submit.reject(new CancelledError('the submit was cancelled before it was sent', { cause: reasonOf(signal) }));
    };
    try {
      submit.unfollow = followSignal(this.owner, signal, abort);
    } catch (error) {
      // A signal of another implementation, which may do anything.
      this.take(submit);
      throw error;
    }
  }

  /** One that is further away than a timer reaches is looked at when its turn comes. */
  private watchDeadline(submit: WaitingSubmit, deadlineAt: Date | number): void {
    const leftMs = momentOf(unixMs(deadlineAt)) - performance.now();
    if (leftMs > MAX_TIMER_MS) return;
    submit.timer = later(this.owner, Math.max(leftMs, 1), () => {
      this.take(submit);
      submit.reject(new DeadlineError('deadlineAt was over before the submit could be sent', 0));
    });
  }

  private moveTogether(): void {
    let at = 0;
    for (const submit of this.line) {
      if (submit === undefined) continue;
      submit.at = at;
      this.line[at++] = submit;
    }
    this.line.length = at;
  }
}

/** What is needed when its turn comes. */
function ownOptions({ signal, traceId, routeId, operationId, deadlineAt, deadlineMs, told }: ToldOptions): ToldOptions {
  const at = deadlineAt === undefined ? deadlineAt : Number(deadlineAt);
  return { told, signal, traceId, routeId, operationId, deadlineAt: at, deadlineMs };
}
