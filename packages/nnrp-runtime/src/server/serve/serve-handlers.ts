import type { NnrpError } from 'nnrp-core';
import type { MigrateAckInit, NnrpServerSession, OperationContext, PatchAckInit } from '../contract/contract.js';
import type {
  NnrpCancel,
  NnrpClose,
  NnrpMigration,
  NnrpPatch,
  ResultValue,
  ServerSessionEvent,
} from '../contract/server-messages.js';

/** A last result, or none. */
// biome-ignore lint/suspicious/noConfusingVoidType: what an async function without a result resolves to is void
export type LastResult = ResultValue | undefined | void;

/** Results of an async generator, or of anything else that `for await` takes, such as a stream of Node.js. */
export interface AsyncResults {
  [Symbol.asyncIterator](): AsyncIterator<ResultValue, LastResult, void>;
}

/** Results of a generator, a Set, or anything else that `for` takes and is no body: text, bytes and arrays are bodies. */
export interface SyncResults {
  [Symbol.iterator](): Iterator<ResultValue, LastResult, void>;
  readonly length?: never;
}

/** A ReadableStream, whichever library it is of. */
export interface ReadableResults {
  getReader(): {
    read(): PromiseLike<{ readonly done: boolean; readonly value?: ResultValue | undefined }>;
    cancel(reason?: unknown): PromiseLike<unknown>;
  };
}

/** A Response, as `fetch` gives it. */
export interface ResponseResults {
  readonly ok: boolean;
  readonly status: number;
  readonly statusText: string;
  readonly headers: { get(name: string): string | null };
  readonly body: ReadableResults | AsyncResults | null;
  readonly bodyUsed: boolean;
  arrayBuffer(): PromiseLike<ArrayBufferLike>;
}

/** A stream of results: partial ones, and the last one when it ends. */
export type ResultSource = AsyncResults | SyncResults | ReadableResults | ResponseResults;

/** One result, nothing, or a stream of results; or a promise of any. */
export type SubmitOutcome = LastResult | ResultSource | PromiseLike<LastResult | ResultSource>;

/** What a server does with its clients' messages. Only `submit` is needed. */
export interface ServeHandlers {
  /**
   * Does the work of one frame. It returns one result: text, bytes, a list of both (one body in chunks), an object with body
   * or metadata, or nothing for an empty one. Or it returns a stream of results, itself or as a promise:
   *
   * - what an (async) generator or any other (async) iterable yields are partial results, each sent when there is room for
   *   it; what a generator returns is the last result, which is empty otherwise
   * - the chunks of a ReadableStream are partial results; the last one is empty
   * - of a Response with a status of 200 to 299, the chunks of its body are. Any other status is a failure, of which the
   *   client is told as by a HandlerError with the code HTTP_ and the status, `details` of `{ status }`, and the advice of
   *   its Retry-After; its body is not sent
   *
   * A list of results is `list.values()`: the list itself would be one body. A stream that is not wanted any more is left at
   * once: `return()` of the iterator, `cancel(reason)` of the reader, `destroy()` of a stream of Node.js. What makes it may
   * take `operation.signal` besides, as `fetch` does.
   *
   * A handler that has answered already returns nothing; one that answers later returns `operation.finished`. An error drops
   * the frame and leaves the session alone; a HandlerError tells the client why, any other that the handler failed.
   */
  submit(operation: OperationContext): SubmitOutcome;
  /** A session has been opened. */
  session?(session: NnrpServerSession): void | PromiseLike<void>;
  /** A session is over. */
  ended?(session: NnrpServerSession, reason: NnrpError): void;
  /** The client gave a frame up; it has been dropped, and its signal aborted. */
  cancel?(cancel: NnrpCancel, session: NnrpServerSession): void | PromiseLike<void>;
  /** Answers SESSION_PATCH; without this handler every patch is rejected. What it throws, the client gets as of `submit`. */
  patch?(patch: NnrpPatch, session: NnrpServerSession): PatchAckInit | PromiseLike<PatchAckInit>;
  /**
   * Answers SESSION_MIGRATE. Without this handler a session that can be resumed may move, within `migrationGraceMs` of the
   * server. Errors as of `patch`.
   */
  migrate?(migration: NnrpMigration, session: NnrpServerSession): MigrateAckInit | PromiseLike<MigrateAckInit>;
  /** The client has put or invalidated objects; the cache has done its part and answered. */
  cache?(
    event: Extract<ServerSessionEvent, { type: 'cachePut' | 'cacheInvalidate' }>,
    session: NnrpServerSession,
  ): void | PromiseLike<void>;
  /** The client wants to close; its session is confirmed closed when the handler is done and work has drained. */
  close?(close: NnrpClose, session: NnrpServerSession): void | PromiseLike<void>;
  /** Whatever else a session says: flow updates and errors. While much of it is not done, the client is not read; so with `cache` and `cancel`. */
  event?(event: ServerSessionEvent, session: NnrpServerSession): void | PromiseLike<void>;
}
