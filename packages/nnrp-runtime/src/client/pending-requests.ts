import { forCaller, type NnrpError, UsageError } from 'nnrp-core';
import type { Guarded } from '../base/guard.js';
import { PendingAnswer } from './pending-answer.js';

/** Requests of one kind that may be without their answer at once. */
const MAX_OUTSTANDING = 16_384;

/** Whom an outstanding request keeps reading: its answer must be able to come. */
export interface AnswerReader {
  answerAwaited(waiter: AnswerWaiter): void;
  answerCame(waiter: AnswerWaiter): void;
}

/** Who waits for an answer. */
export interface AnswerWaiter {
  /** So much comes before the answer that no more is read: it is not waited for any longer. */
  tooMuchBefore(error: NnrpError): void;
}

interface Outstanding<Q, A> extends AnswerWaiter {
  readonly request: Q;
  readonly answer: PendingAnswer<A>;
  /** Sends it; gone when it is sent, and with it the body. */
  send: (() => void) | undefined;
  /** Bytes that it holds while it is not sent. */
  readonly bytes: number;
  isSent: boolean;
  /** Given up; its place in the line stays, because its answer may still come. */
  abandoned: boolean;
}

/** Places given up at the head of the requests that are not sent, before they are moved together. */
const MIN_COMPACTION = 1024;

/** How many requests of a kind are sent before their answers come, and what the others hold meanwhile. */
export interface SendWindow {
  /** On the wire at once, without those that were given up. */
  readonly requests: number;
  /** On the wire at once, with them: no more than the other side takes. */
  readonly places: number;
  /** Bytes are held by requests that are not sent yet; less than 0 when they are sent, or given up. */
  hold(bytes: number): void;
}

const NO_WINDOW: SendWindow = { requests: MAX_OUTSTANDING, places: MAX_OUTSTANDING, hold: () => {} };

/**
 * Requests of one kind that wait for their answers. An answer belongs to the oldest request it fits; one that was given
 * up still takes the answer that comes too late, so that no other request gets it. What does not fit the window is sent
 * later, in order.
 */
export class PendingRequests<Q, A> {
  /** Sent, in order. */
  private line: Outstanding<Q, A>[] = [];
  /** Not sent yet, in order; those that were given up are passed over. */
  private unsent: Outstanding<Q, A>[] = [];
  private unsentHead = 0;
  private unsentCount = 0;
  /** Sent, and waited for. */
  private sentCount = 0;

  /** @param name - of the request on the wire, such as SESSION_PATCH */
  constructor(
    private readonly name: string,
    private readonly reader: AnswerReader,
    private readonly owner: Guarded,
    private readonly window: SendWindow = NO_WINDOW,
  ) {}

  /** Whether the next request has to wait for its turn. */
  get isFull(): boolean {
    return this.unsentCount > 0 || !this.hasRoom();
  }

  /** Requests that wait for their answer, on the wire. */
  get waiting(): number {
    return this.sentCount;
  }

  /**
   * Sends a request, now or when its turn comes, and waits for its answer.
   *
   * @param bytes - that it holds while it waits for its turn
   * @returns rejects with TimeoutError when no answer has come within `timeoutMs` milliseconds
   * @throws UsageError when too many are outstanding, and what `send` throws
   */
  ask(request: Q, timeoutMs: number, send: () => void, bytes = 0): Promise<A> {
    if (this.line.length + this.unsentCount >= MAX_OUTSTANDING && !this.forgetAbandoned()) {
      throw new UsageError(`${this.name}: ${MAX_OUTSTANDING} requests wait for their answer already`);
    }
    const isNow = !this.isFull;
    if (isNow) send();
    const answer = new PendingAnswer<A>(this.owner, `no answer to ${this.name}`, timeoutMs, (error) =>
      this.giveUp(outstanding, error),
    );
    const tooMuchBefore = (error: NnrpError) => this.giveUp(outstanding, error);
    const outstanding: Outstanding<Q, A> = {
      request,
      answer,
      send: isNow ? undefined : send,
      bytes,
      isSent: isNow,
      abandoned: false,
      tooMuchBefore,
    };
    if (isNow) this.sent(outstanding);
    else {
      this.unsent.push(outstanding);
      this.unsentCount++;
      this.window.hold(bytes);
    }
    return answer.promise;
  }

  /** The request that an answer belongs to; take it at once with `answered` or `refused`. */
  first(fits: (request: Q) => boolean = anything): Q | undefined {
    return this.line.find(({ request }) => fits(request))?.request;
  }

  /** An answer has come. @returns false when nobody waits for it */
  answered(value: A, fits: (request: Q) => boolean = anything): boolean {
    return this.settle((answer) => answer.resolve(value), fits);
  }

  /** The oldest request that fits is refused. @returns false when nobody waits for its answer */
  refused(error: NnrpError, fits: (request: Q) => boolean = anything): boolean {
    return this.settle((answer) => answer.reject(error), fits);
  }

  /** What is not sent yet never will be. */
  refuseUnsent(error: NnrpError): void {
    const { unsent, unsentHead } = this;
    this.unsent = [];
    this.unsentHead = 0;
    this.unsentCount = 0;
    for (let at = unsentHead; at < unsent.length; at++) {
      const { abandoned, answer, bytes } = unsent[at] as Outstanding<Q, A>;
      if (abandoned) continue;
      this.window.hold(-bytes);
      answer.reject(forCaller(error));
    }
  }

  /** No answer will come any more. */
  end(error: NnrpError): void {
    this.refuseUnsent(error);
    while (this.line.length > 0) this.refused(forCaller(error));
  }

  private settle(how: (answer: PendingAnswer<A>) => void, fits: (request: Q) => boolean): boolean {
    const index = this.line.findIndex(({ request }) => fits(request));
    const [oldest] = index < 0 ? [] : this.line.splice(index, 1);
    if (oldest === undefined) return false;
    const isAwaited = !oldest.abandoned;
    if (isAwaited) {
      this.sentCount--;
      this.reader.answerCame(oldest);
      how(oldest.answer);
    }
    this.sendNext();
    return isAwaited;
  }

  private giveUp(outstanding: Outstanding<Q, A>, error: NnrpError): void {
    if (outstanding.abandoned) return;
    outstanding.abandoned = true;
    if (outstanding.isSent) {
      this.sentCount--;
      this.reader.answerCame(outstanding);
    } else {
      this.unsentCount--;
      outstanding.send = undefined;
      this.window.hold(-outstanding.bytes);
    }
    outstanding.answer.reject(error);
    this.sendNext();
  }

  private sent(outstanding: Outstanding<Q, A>): void {
    this.line.push(outstanding);
    this.sentCount++;
    this.reader.answerAwaited(outstanding);
  }

  private sendNext(): void {
    while (this.unsentCount > 0 && this.hasRoom()) {
      const next = this.unsent[this.unsentHead] as Outstanding<Q, A>;
      this.unsent[this.unsentHead++] = undefined as never;
      if (next.abandoned) continue;
      this.unsentCount--;
      this.window.hold(-next.bytes);
      try {
        next.send?.();
      } catch (error) {
        next.abandoned = true;
        next.answer.reject(error as NnrpError);
        continue;
      }
      next.send = undefined;
      next.isSent = true;
      this.sent(next);
    }
    if (this.unsentCount === 0) this.unsent = [];
    else if (this.unsentHead < MIN_COMPACTION || this.unsentHead * 2 < this.unsent.length) return;
    else this.unsent = this.unsent.slice(this.unsentHead);
    this.unsentHead = 0;
  }

  private hasRoom(): boolean {
    const { requests, places } = this.window;
    if (this.sentCount >= requests) return false;
    // A server that has left out so many answers leaves out all of them.
    return this.line.length < places || (this.sentCount === 0 && this.forgetAbandoned());
  }

  private forgetAbandoned(): boolean {
    const before = this.line.length;
    this.line = this.line.filter(({ abandoned }) => !abandoned);
    return this.line.length < before;
  }
}

function anything(): boolean {
  return true;
}
