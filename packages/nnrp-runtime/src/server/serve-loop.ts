import { type NnrpError, preview3, UsageError } from 'nnrp-core';
import { AttendedSession } from './attended-session.js';
import { Dispatcher, type DispatcherLimits } from './dispatcher.js';
import { leave, type OperationContext } from './operation-context.js';
import type { HandlerFailure } from './server-events.js';
import type { NnrpCancel, NnrpClose, NnrpMigration, NnrpPatch, ResultValue, SessionEvent } from './server-messages.js';
import type { NnrpServerSession } from './server-session.js';
import type { MigrateAckInit, PatchAckInit } from './session-answers.js';
import type { SessionCore } from './session-core.js';
import { SENT } from './session-operations.js';

const { BackpressureLevel, ErrorCode, SessionPatchRejectReason, UpdateReason } = preview3;

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
   * handler has answered it already; one that answers later returns `operation.finished`. An error drops the frame,
   * tells the client why, and leaves the session alone.
   */
  submit(operation: OperationContext): SubmitOutcome;
  /** A session has been opened. */
  session?(session: NnrpServerSession): void | PromiseLike<void>;
  /** A session is over. */
  ended?(session: NnrpServerSession, reason: NnrpError): void;
  /** The client gave a frame up; it has been dropped, and its signal aborted. */
  cancel?(cancel: NnrpCancel, session: NnrpServerSession): void | PromiseLike<void>;
  /** Answers SESSION_PATCH; without this handler every patch is rejected. */
  patch?(patch: NnrpPatch, session: NnrpServerSession): PatchAckInit | PromiseLike<PatchAckInit>;
  /** Answers SESSION_MIGRATE; without this handler every migration is refused. */
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

export interface ServeOptions {
  /** Submit handlers that run at once, over all sessions; more wait, interactive sessions first; default 1024. */
  readonly maxConcurrentOperations: number;
  /** Operations that may wait for a handler; more are dropped with server_busy; default 4096. */
  readonly maxQueuedOperations: number;
}

/** Runs the handlers of an application for every session of a server. */
export class ServeLoop {
  private readonly dispatcher: Dispatcher;
  /** Sessions that were asked to pause because too much waits. */
  private readonly paused = new Set<SessionCore>();

  constructor(
    private readonly handlers: ServeHandlers,
    limits: DispatcherLimits,
    private readonly failed: (failure: HandlerFailure) => void,
  ) {
    this.dispatcher = new Dispatcher(
      limits,
      (operation) => this.start(operation),
      () => this.resume(),
    );
  }

  /** Serves a session from now on; what has arrived already comes first. */
  attend(core: SessionCore): void {
    core.receiver = new AttendedSession(core, this);
    core.inbox.handOver(core.receiver);
    const { session } = this.handlers;
    if (session !== undefined) this.guard(core, 0, () => session.call(this.handlers, core.session));
  }

  submit(operation: OperationContext, core: SessionCore): void {
    if (this.dispatcher.isBusy) this.pause(core);
    if (this.dispatcher.submit(operation, core.lane)) return;
    if (core.connection.isAnnounced) {
      core.sendFrameError(ErrorCode.ServerBusy, operation.frameId, 'too many operations wait for a handler');
    }
    // Whether there is room for more is not asked here.
    operation.drop().catch(() => {});
  }

  withdraw(operation: OperationContext, core: SessionCore): void {
    this.dispatcher.withdraw(operation, core.lane);
  }

  cancel(cancel: NnrpCancel, core: SessionCore): void {
    const { handlers } = this;
    if (handlers.cancel !== undefined) this.guard(core, cancel.frameId, () => handlers.cancel?.(cancel, core.session));
  }

  patch(patch: NnrpPatch, core: SessionCore): void {
    const { handlers } = this;
    this.guard(core, 0, async () => {
      let ack: PatchAckInit = { rejectReason: SessionPatchRejectReason.UnsupportedField };
      try {
        if (handlers.patch !== undefined) ack = await handlers.patch(patch, core.session);
      } finally {
        if (!core.isOver) await core.session.sendPatchAck(ack);
      }
    });
  }

  migrate(migration: NnrpMigration, core: SessionCore): void {
    const { handlers } = this;
    this.guard(core, 0, async () => {
      let ack: MigrateAckInit = {};
      try {
        if (handlers.migrate !== undefined) ack = await handlers.migrate(migration, core.session);
      } finally {
        if (!core.isOver) await core.session.sendMigrateAck(migration, ack);
      }
    });
  }

  close(close: NnrpClose, core: SessionCore): void {
    const { handlers } = this;
    this.guard(core, 0, async () => {
      try {
        await handlers.close?.(close, core.session);
      } finally {
        if (!core.isOver) await core.session.ackClose(close);
      }
    });
  }

  event(event: SessionEvent, core: SessionCore): void {
    const { handlers } = this;
    const cached = event.type === 'cache_put' || event.type === 'cache_invalidate';
    if (cached && handlers.cache !== undefined) this.guard(core, 0, () => handlers.cache?.(event, core.session));
    else if (!cached && handlers.event !== undefined) this.guard(core, 0, () => handlers.event?.(event, core.session));
  }

  ended(core: SessionCore, reason: NnrpError): void {
    this.paused.delete(core);
    const { handlers } = this;
    if (handlers.ended !== undefined) this.guard(core, 0, () => handlers.ended?.(core.session, reason));
  }

  private start(operation: OperationContext): void {
    operation.begin();
    let outcome: SubmitOutcome;
    try {
      outcome = this.handlers.submit(operation);
    } catch (error) {
      this.threw(operation, error);
      return;
    }
    if (isGenerator(outcome)) void this.stream(operation, outcome);
    else if (isThenable(outcome)) this.settleLater(operation, outcome);
    else this.settle(operation, outcome as ResultValue | undefined);
  }

  private settleLater(operation: OperationContext, outcome: PromiseLike<LastResult>): void {
    outcome.then(
      (result) => this.settle(operation, result),
      (error: unknown) => this.threw(operation, error),
    );
  }

  /** The handler is done: what it returned is the last result, unless the frame has been answered. */
  private settle(operation: OperationContext, result: LastResult): void {
    if (!operation.isOver) {
      operation.complete(result === undefined ? '' : (result as ResultValue)).catch((error: unknown) => {
        if (!operation.isOver) this.fail(operation, error);
      });
    }
    this.dispatcher.finished();
  }

  private async stream(
    operation: OperationContext,
    generator: AsyncGenerator<ResultValue, LastResult, void> | Generator<ResultValue, LastResult, void>,
  ): Promise<void> {
    operation.work = generator;
    try {
      for (;;) {
        const step = await generator.next();
        if (operation.isOver) {
          leave(generator);
          break;
        }
        if (step.done === true) {
          this.settle(operation, step.value);
          return;
        }
        const sent = operation.push(step.value);
        if (sent !== SENT) await sent;
      }
    } catch (error) {
      leave(generator);
      this.threw(operation, error);
      return;
    }
    this.dispatcher.finished();
  }

  private threw(operation: OperationContext, error: unknown): void {
    this.fail(operation, error);
    this.dispatcher.finished();
  }

  /** An abort that a handler passes on is no failure of its own. */
  private fail(operation: OperationContext, error: unknown): void {
    if (operation.isOver && operation.abortReason !== undefined) return;
    const { session, frameId } = operation;
    if (!operation.isOver) operation.fail(error instanceof Error ? error.message : String(error));
    this.failed({ sessionId: session.sessionId, frameId, error });
  }

  private pause(core: SessionCore): void {
    if (this.paused.has(core)) return;
    this.paused.add(core);
    core.sendFlow({ updateReason: UpdateReason.Congestion, backpressureLevel: BackpressureLevel.Hard });
  }

  private resume(): void {
    if (this.paused.size === 0) return;
    const paused = [...this.paused];
    this.paused.clear();
    for (const core of paused) core.sendFlow({ updateReason: UpdateReason.Resume });
  }

  /** Runs a handler that must not bring anybody down. */
  private guard(core: SessionCore, frameId: number, handler: () => unknown): void {
    const failed = (error: unknown) => {
      if (core.isOver && error === core.endReason) return;
      this.failed({ sessionId: core.sessionId, frameId, error });
    };
    try {
      const outcome = handler();
      if (isThenable(outcome)) outcome.then(undefined, failed);
    } catch (error) {
      failed(error);
    }
  }
}

const DEFAULTS: ServeOptions = { maxConcurrentOperations: 1024, maxQueuedOperations: 4096 };

/** @throws UsageError that names the option, what it takes and what it got */
export function serveOptions(options: Partial<ServeOptions>): ServeOptions {
  for (const [option, value] of Object.entries(options)) {
    if (!(option in DEFAULTS)) throw new UsageError(`serve: there is no option '${option}'`);
    if (!Number.isInteger(value) || value < 1) {
      throw new UsageError(`serve: ${option} takes an integer from 1, got ${String(value)}`);
    }
  }
  return { ...DEFAULTS, ...options };
}

function isGenerator(outcome: unknown): outcome is AsyncGenerator<ResultValue, ResultValue | undefined, void> {
  return (
    typeof outcome === 'object' &&
    outcome !== null &&
    typeof (outcome as { next?: unknown }).next === 'function' &&
    (Symbol.asyncIterator in outcome || Symbol.iterator in outcome)
  );
}

function isThenable(outcome: unknown): outcome is PromiseLike<never> {
  return typeof outcome === 'object' && outcome !== null && typeof (outcome as { then?: unknown }).then === 'function';
}
