import { forCaller, type NnrpError, UsageError } from 'nnrp-core';
import type { Guarded } from '../base/guard.js';
import { Line } from '../base/line.js';
import { PendingAnswer } from './pending-answer.js';

/** Requests of one kind that may be without their answer at once. */
const MAX_OUTSTANDING = 16_384;

/** Whom an outstanding request keeps reading: its answer must be able to come. */
export interface AnswerReader {
  answerAwaited(): void;
  answerCame(): void;
}

interface Outstanding<Q, A> {
  readonly request: Q;
  readonly answer: PendingAnswer<A>;
  /** Given up; its place in the line stays, because its answer may still come. */
  abandoned: boolean;
}

/**
 * Requests of one kind that wait for their answers. An answer belongs to the oldest request it fits; one that was given
 * up still takes the answer that comes too late, so that no other request gets it.
 */
export class PendingRequests<Q, A> {
  private readonly line = new Line<Outstanding<Q, A>>();
  private waitingCount = 0;

  /** @param name - of the request on the wire, such as SESSION_PATCH */
  constructor(
    private readonly name: string,
    private readonly reader: AnswerReader,
    private readonly owner: Guarded,
  ) {}

  /** Requests that wait for their answer. */
  get waiting(): number {
    return this.waitingCount;
  }

  /**
   * Sends a request and waits for its answer.
   *
   * @returns rejects with TimeoutError when none comes within `timeoutMs` milliseconds
   * @throws UsageError when too many are outstanding, and what `send` throws
   */
  ask(request: Q, timeoutMs: number, send: () => void): Promise<A> {
    if (this.line.size >= MAX_OUTSTANDING && !this.forgetAbandoned()) {
      throw new UsageError(`${this.name}: ${MAX_OUTSTANDING} requests wait for their answer already`);
    }
    send();
    const answer = new PendingAnswer<A>(this.owner, `no answer to ${this.name}`, timeoutMs, (error) => {
      outstanding.abandoned = true;
      this.waitingCount--;
      this.reader.answerCame();
      answer.reject(error);
    });
    const outstanding: Outstanding<Q, A> = { request, answer, abandoned: false };
    this.line.push(outstanding);
    this.waitingCount++;
    this.reader.answerAwaited();
    return answer.promise;
  }

  /** The request that an answer belongs to; take it at once with `answered` or `refused`. */
  first(fits: (request: Q) => boolean = anything): Q | undefined {
    return this.oldest(fits)?.request;
  }

  /** An answer has come. @returns false when nobody waits for it */
  answered(value: A, fits: (request: Q) => boolean = anything): boolean {
    return this.settle((answer) => answer.resolve(value), fits);
  }

  /** The oldest request that fits is refused. @returns false when nobody waits for its answer */
  refused(error: NnrpError, fits: (request: Q) => boolean = anything): boolean {
    return this.settle((answer) => answer.reject(error), fits);
  }

  /** No answer will come any more. */
  end(error: NnrpError): void {
    while (this.line.size > 0) this.refused(forCaller(error));
  }

  private settle(how: (answer: PendingAnswer<A>) => void, fits: (request: Q) => boolean): boolean {
    const oldest = this.oldest(fits);
    if (oldest === undefined) return false;
    if (oldest === this.line.first) this.line.take();
    else this.line.remove(oldest);
    if (oldest.abandoned) return false;
    this.waitingCount--;
    this.reader.answerCame();
    how(oldest.answer);
    return true;
  }

  /** Nearly always the first one: a server answers in order. */
  private oldest(fits: (request: Q) => boolean): Outstanding<Q, A> | undefined {
    for (const outstanding of this.line) if (fits(outstanding.request)) return outstanding;
    return undefined;
  }

  private forgetAbandoned(): boolean {
    const before = this.line.size;
    for (const outstanding of this.line.drain()) if (!outstanding.abandoned) this.line.push(outstanding);
    return this.line.size < before;
  }
}

function anything(): boolean {
  return true;
}
