import { forCaller, type NnrpError, UsageError } from 'nnrp-core';
import type { Guarded } from '../../base/guard.js';
import { Line } from '../../base/queues/line.js';
import { PendingAnswer } from './pending-answer.js';

/** Requests of one kind that may be without their answer at once. */
const MAX_OUTSTANDING = 16_384;

/** What an outstanding request keeps reading: its answer must be able to come. */
export interface AnswerReader {
  answerAwaited(waiter: AnswerWaiter): void;
  answerCame(waiter: AnswerWaiter): void;
}

/** A call that waits for an answer. */
export interface AnswerWaiter {
  /** So much comes before the answer that no more is read: it is not waited for any longer. */
  tooMuchBefore(error: NnrpError): void;
}

interface Outstanding<Q, A> extends AnswerWaiter {
  readonly request: Q;
  /** Which answers it fits. */
  readonly key: string;
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
  private readonly line = new Line<Outstanding<Q, A>>();
  /** The same by key, where answers say which requests they fit; undefined where they fit any. */
  private readonly byKey: Map<string, Line<Outstanding<Q, A>>> | undefined;
  /** Not sent yet, in order; those that were given up are passed over. */
  private unsent: Outstanding<Q, A>[] = [];
  private unsentHead = 0;
  private unsentCount = 0;
  /** Sent, and waited for. */
  private sentCount = 0;
  /** Why no answers came any more, the last time. */
  private lastEnd: NnrpError | undefined;

  /**
   * @param name - of the request on the wire, such as SESSION_PATCH
   * @param keyOf - what its answer says as well; left out where an answer does not say which request it is for
   */
  constructor(
    private readonly name: string,
    private readonly reader: AnswerReader,
    private readonly owner: Guarded,
    private readonly window: SendWindow = NO_WINDOW,
    private readonly keyOf?: (request: Q) => string,
  ) {
    if (keyOf !== undefined) this.byKey = new Map();
  }

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
   * @returns rejects with TimeoutError when no answer has come within `timeoutMs` milliseconds, and with what `send` throws
   * @throws UsageError when too many are outstanding
   */
  ask(request: Q, timeoutMs: number, send: () => void, bytes = 0): Promise<A> {
    if (this.line.size + this.unsentCount >= MAX_OUTSTANDING && !this.forgetAbandoned()) {
      throw new UsageError(`${this.name}: ${MAX_OUTSTANDING} requests wait for their answer already`);
    }
    const answer = new PendingAnswer<A>(this.owner, `no answer to ${this.name}`, timeoutMs, (error) =>
      this.giveUp(outstanding, error),
    );
    const tooMuchBefore = (error: NnrpError) => this.giveUp(outstanding, error);
    const outstanding: Outstanding<Q, A> = {
      request,
      key: this.keyOf?.(request) ?? '',
      answer,
      send,
      bytes,
      isSent: false,
      abandoned: false,
      tooMuchBefore,
    };
    this.unsent.push(outstanding);
    this.unsentCount++;
    this.window.hold(bytes);
    this.sendNext();
    return answer.promise;
  }

  /** The request that an answer belongs to; take it at once with `answered` or `refused`. */
  first(key?: string): Q | undefined {
    return this.oldest(key)?.request;
  }

  /** An answer has come. @param key - that it names, where it does @returns false when no request waits for it */
  answered(value: A, key?: string): boolean {
    return this.settle((answer) => answer.resolve(value), this.oldest(key));
  }

  /** The oldest request is refused. @returns false when no request waits for its answer */
  reject(error: NnrpError): boolean {
    return this.settle((answer) => answer.reject(error), this.oldest());
  }

  /** What is not sent yet never will be. */
  rejectUnsent(error: NnrpError): void {
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
    this.lastEnd = error;
    this.rejectUnsent(error);
    while (this.line.size > 0) this.reject(forCaller(error));
  }

  private oldest(key?: string): Outstanding<Q, A> | undefined {
    return key === undefined ? this.line.first : this.byKey?.get(key)?.first;
  }

  private settle(how: (answer: PendingAnswer<A>) => void, oldest: Outstanding<Q, A> | undefined): boolean {
    if (oldest === undefined) return false;
    this.takeOut(oldest);
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

  private sendNext(): void {
    while (this.unsentCount > 0 && this.hasRoom()) {
      const next = this.unsent[this.unsentHead] as Outstanding<Q, A>;
      this.unsent[this.unsentHead++] = undefined as never;
      if (next.abandoned) continue;
      this.unsentCount--;
      this.window.hold(-next.bytes);
      const { lastEnd } = this;
      try {
        next.send?.();
      } catch (error) {
        next.abandoned = true;
        next.answer.reject(error as NnrpError);
        continue;
      }
      next.send = undefined;
      next.isSent = true;
      this.line.push(next);
      this.sentCount++;
      this.noteKey(next);
      this.reader.answerAwaited(next);
      // It was too much, and has ended the connection.
      if (this.lastEnd && this.lastEnd !== lastEnd) this.end(this.lastEnd);
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
    return this.line.size < places || (this.sentCount === 0 && this.forgetAbandoned());
  }

  private forgetAbandoned(): boolean {
    if (this.line.size === this.sentCount) return false;
    const sent = this.line.drain();
    this.byKey?.clear();
    for (const outstanding of sent) {
      if (outstanding.abandoned) continue;
      this.line.push(outstanding);
      this.noteKey(outstanding);
    }
    return true;
  }

  private noteKey(outstanding: Outstanding<Q, A>): void {
    if (this.byKey === undefined) return;
    let line = this.byKey.get(outstanding.key);
    if (line === undefined) {
      line = new Line();
      this.byKey.set(outstanding.key, line);
    }
    line.push(outstanding);
  }

  private takeOut(outstanding: Outstanding<Q, A>): void {
    const { line, byKey } = this;
    if (line.first === outstanding) line.take();
    else line.remove(outstanding);
    const alike = byKey?.get(outstanding.key);
    if (alike === undefined) return;
    if (alike.first === outstanding) alike.take();
    else alike.remove(outstanding);
    if (alike.size === 0) byKey?.delete(outstanding.key);
  }
}
