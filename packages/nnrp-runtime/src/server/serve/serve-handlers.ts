import { type NnrpError, shownValue, UsageError } from 'nnrp-core';
import { type Complete, withDefaults } from '../../base/options.js';
import type { MigrateAckInit, NnrpServerSession, OperationContext, PatchAckInit } from '../contract/contract.js';
import type {
  NnrpCancel,
  NnrpClose,
  NnrpMigration,
  NnrpPatch,
  ResultValue,
  SessionEvent,
} from '../contract/server-messages.js';
import { type SchedulingOptions, schedulingOptions } from '../scheduling/scheduling-options.js';

/** A last result, or none. */
// biome-ignore lint/suspicious/noConfusingVoidType: what an async function without a result resolves to is void
export type LastResult = ResultValue | undefined | void;

/** A result, nothing, or a stream of partial results whose return value is the last one. */
export type SubmitOutcome =
  | LastResult
  | PromiseLike<LastResult>
  | AsyncGenerator<ResultValue, LastResult, void>
  | Generator<ResultValue, LastResult, void>;

/** What a server does with its clients' messages. Only `submit` is needed. */
export interface ServeHandlers {
  /**
   * Does the work of one frame. What it returns is the last result; what a generator yields are partial results before
   * it, each sent when there is room for it. Returning nothing completes the frame with an empty result, unless the
   * handler has answered it already; one that answers later returns `operation.finished`. An error drops the frame
   * and leaves the session alone; a HandlerError tells the client why, any other that the handler failed.
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
  /** Answers SESSION_MIGRATE; without this handler every migration is refused. Errors as of `patch`. */
  migrate?(migration: NnrpMigration, session: NnrpServerSession): MigrateAckInit | PromiseLike<MigrateAckInit>;
  /** The client has put or invalidated objects; the cache has done its part and answered. */
  cache?(
    event: Extract<SessionEvent, { type: 'cache_put' | 'cache_invalidate' }>,
    session: NnrpServerSession,
  ): void | PromiseLike<void>;
  /** The client wants to close; its session is confirmed closed when the handler is done and work has drained. */
  close?(close: NnrpClose, session: NnrpServerSession): void | PromiseLike<void>;
  /** Whatever else a session says: flow updates and errors. */
  event?(event: SessionEvent, session: NnrpServerSession): void | PromiseLike<void>;
}

/** How handlers are run; what is left out, or undefined, has its default. */
export interface ServeOptions {
  /** Submit handlers that run at once, over all connections; more wait for their turn; default 1024. */
  readonly maxConcurrentOperations?: number | undefined;
  /** Operations that may wait for a handler; more are dropped with server_busy; default 4096. */
  readonly maxQueuedOperations?: number | undefined;
  /** How these are shared out between connections and priority classes, see docs/scheduling.md; default {}. */
  readonly scheduling?: SchedulingOptions | undefined;
}

/** With all defaults filled in. */
export interface CompleteServeOptions extends Complete<ServeOptions> {
  readonly scheduling: Complete<SchedulingOptions>;
}

const DEFAULTS: Complete<ServeOptions> = { maxConcurrentOperations: 1024, maxQueuedOperations: 4096, scheduling: {} };

/** @throws UsageError that names the option, what it takes and what it got */
export function serveOptions(options: ServeOptions): CompleteServeOptions {
  const complete = withDefaults('serve', options, DEFAULTS);
  const { scheduling, ...counts } = complete;
  for (const [option, value] of Object.entries(counts)) {
    if (!Number.isInteger(value) || value < 1) {
      throw new UsageError(`serve: ${option} takes an integer from 1, got ${shownValue(value)}`);
    }
  }
  return {
    ...counts,
    scheduling: schedulingOptions(scheduling, counts.maxConcurrentOperations, counts.maxQueuedOperations),
  };
}

/** Whether what a submit handler has returned is a stream of results. */
export function isGenerator(outcome: unknown): outcome is AsyncGenerator<ResultValue, ResultValue | undefined, void> {
  return (
    typeof outcome === 'object' &&
    outcome !== null &&
    typeof (outcome as { next?: unknown }).next === 'function' &&
    (Symbol.asyncIterator in outcome || Symbol.iterator in outcome)
  );
}
