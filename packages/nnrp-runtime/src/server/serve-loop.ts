import { types } from 'node:util';
import { isSameFailure, type NnrpError, preview3, shownValue, UsageError } from 'nnrp-core';
import { ApplicationContext, currentContext } from '../base/application-context.js';
import { described } from '../base/described.js';
import { background, crash, guard } from '../base/guard.js';
import { withDefaults } from '../base/options.js';
import { within } from '../base/within.js';
import { SETTLED } from '../settled.js';
import { isThenable, settledOnce, unheardWithin } from '../thenable.js';
import { AttendedSession } from './attended-session.js';
import { Dispatcher, type DispatcherLimits } from './dispatcher.js';
import { type FrameFailure, failureOnPurpose, handlerFailure, serverBusy } from './frame-failure.js';
import { leave, type OperationContext } from './operation-context.js';
import { failMigration, failPatch } from './request-failure.js';
import type { HandlerFailure } from './server-events.js';
import type { NnrpCancel, NnrpClose, NnrpMigration, NnrpPatch, ResultValue, SessionEvent } from './server-messages.js';
import type { NnrpServerSession } from './server-session.js';
import type { MigrateAckInit, PatchAckInit } from './session-answers.js';
import type { SessionCore } from './session-core.js';

const { BackpressureLevel, SessionPatchRejectReason, UpdateReason } = preview3;

/** Milliseconds that a close handler may take, unless the client gives more; then the close is confirmed without it. */
const CLOSE_HANDLER_MS = 4_000;

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

export interface ServeOptions {
  /** Submit handlers that run at once, over all sessions; more wait, interactive sessions first; default 1024. */
  readonly maxConcurrentOperations: number;
  /** Operations that may wait for a handler; more are dropped with server_busy; default 4096. */
  readonly maxQueuedOperations: number;
}

/** What a handler returns is a stream of results, which is sent as it comes. */
const STREAMED = Symbol('streamed');
/** What a handler returns is awaited; see `promised`. */
const PROMISED = Symbol('promised');

/** Whether a handler is done when its call returns. */
type Progress = 'done' | 'goes on';

/** Runs the handlers of an application for every session of a server. */
export class ServeLoop {
  private readonly dispatcher: Dispatcher;
  /** Where the application handed its handlers over. */
  private readonly context = new ApplicationContext();
  /** Sessions that were asked to pause because too much waits. */
  private readonly paused = new Set<SessionCore>();
  /** What the handler that has returned just now has promised. What it returned is not asked again whether it is a promise. */
  private promised: Promise<LastResult> = NOTHING_PROMISED;

  constructor(
    private readonly handlers: ServeHandlers,
    private readonly limits: DispatcherLimits,
    private readonly exposesErrors: boolean,
    private readonly failed: (failure: HandlerFailure) => void,
  ) {
    this.dispatcher = new Dispatcher(
      limits,
      (operation) => this.run(operation),
      () => this.resume(),
    );
  }

  /** Serves a session from now on; what has arrived already comes first. */
  attend(core: SessionCore): void {
    core.receiver = new AttendedSession(core, this);
    core.inbox.handOver(core.receiver);
    const { session } = this.handlers;
    if (session !== undefined) this.aside(core, 0, () => session.call(this.handlers, core.session));
  }

  submit(operation: OperationContext, core: SessionCore): void {
    if (this.dispatcher.isBusy) this.pause(core);
    if (this.dispatcher.submit(operation, core.lane)) return;
    operation.fail(serverBusy(this.limits.maxQueuedOperations));
  }

  withdraw(operation: OperationContext, core: SessionCore): void {
    this.dispatcher.withdraw(operation, core.lane);
  }

  cancel(cancel: NnrpCancel, core: SessionCore): void {
    const { handlers } = this;
    if (handlers.cancel !== undefined) this.aside(core, cancel.frameId, () => handlers.cancel?.(cancel, core.session));
  }

  /** Resolves when the patch has its answer: answers carry no id, so the next patch has to wait. */
  async patch(patch: NnrpPatch, core: SessionCore): Promise<void> {
    const { handlers } = this;
    const refusal: PatchAckInit = { rejectReason: SessionPatchRejectReason.UnsupportedField };
    await this.answer<PatchAckInit>(
      core,
      refusal,
      () => handlers.patch?.(patch, core.session),
      (ack) => core.session.sendPatchAck(ack),
      (failure) => failPatch(core, patch, failure),
    );
  }

  async migrate(migration: NnrpMigration, core: SessionCore): Promise<void> {
    const { handlers } = this;
    await this.answer<MigrateAckInit>(
      core,
      {},
      () => handlers.migrate?.(migration, core.session),
      (ack) => core.session.sendMigrateAck(migration, ack),
      (failure) => failMigration(core, migration, failure),
    );
  }

  /** @param answered - resolves when the requests that came before have their answers */
  close(close: NnrpClose, core: SessionCore, answered: Promise<unknown>): void {
    const { handlers } = this;
    // A handler that does not come back must not keep the client for longer than both sides are willing to wait.
    const patienceMs = Math.max(close.metadata.drainTimeoutMs, CLOSE_HANDLER_MS);
    const closing = this.context.run(async () => handlers.close?.(close, core.session));
    const heard = closing.catch((error: unknown) => this.failedAside(core, 0, error));
    const confirm = async () => {
      await within(core.connection, Promise.all([answered, heard]), patienceMs);
      if (!core.isOver) await core.session.ackClose(close);
    };
    // What fails now is not the application's: a client that waits for its answer must see an end.
    confirm().catch((error: unknown) => {
      if (!core.isOver) crash(core.connection, error);
    });
  }

  /**
   * Every request gets an answer: the handler's, the refusal when there is no handler, or the failure of either.
   *
   * @param fail - false when the client has its answer already
   */
  private async answer<Ack>(
    core: SessionCore,
    refusal: Ack,
    ask: () => Ack | PromiseLike<Ack> | undefined,
    send: (ack: Ack) => Promise<void>,
    fail: (failure: FrameFailure) => boolean,
  ): Promise<void> {
    try {
      const ack = (await this.context.run(ask)) ?? refusal;
      if (!core.isOver) await send(ack);
    } catch (error) {
      const onPurpose = failureOnPurpose(error);
      const isTold = !core.isOver && fail(onPurpose ?? handlerFailure(error, this.exposesErrors));
      if (!isTold || onPurpose === undefined) this.failedAside(core, 0, error);
    }
  }

  event(event: SessionEvent, core: SessionCore): void {
    const { handlers } = this;
    const cached = event.type === 'cache_put' || event.type === 'cache_invalidate';
    if ((cached ? handlers.cache : handlers.event) === undefined) return;
    described(event);
    if (cached) this.aside(core, 0, () => handlers.cache?.(event, core.session));
    else this.aside(core, 0, () => handlers.event?.(event, core.session));
  }

  ended(core: SessionCore, reason: NnrpError): void {
    this.paused.delete(core);
    const { handlers } = this;
    if (handlers.ended !== undefined) this.aside(core, 0, () => handlers.ended?.(core.session, reason));
  }

  /** Its place is given back when the handler is done, whatever fails on the way. */
  private run(operation: OperationContext): void {
    operation.place = 'taken';
    try {
      if (this.call(operation) === 'goes on') return;
    } catch (error) {
      crash(operation, error);
    }
    this.finished(operation);
  }

  private call(operation: OperationContext): Progress {
    operation.begin();
    const context = this.context.copy();
    operation.context = context;
    let outcome: LastResult | typeof STREAMED | typeof PROMISED;
    try {
      outcome = context.runInAsyncScope(this.handle, this, operation);
    } catch (error) {
      this.fail(operation, error);
      return 'done';
    }
    if (outcome === STREAMED) return 'goes on';
    if (outcome !== PROMISED) {
      this.settle(operation, outcome);
      return 'done';
    }
    const { promised } = this;
    this.promised = NOTHING_PROMISED;
    promised.then(
      (result) => this.ends(operation, this.settle, result),
      (error: unknown) => this.ends(operation, this.fail, error),
    );
    return 'goes on';
  }

  /** All that is the application's: whatever its handler returns may throw when it is looked at. */
  private handle(operation: OperationContext): LastResult | typeof STREAMED | typeof PROMISED {
    const outcome = this.handlers.submit(operation);
    if (isGenerator(outcome)) {
      this.follow(operation, outcome);
      return STREAMED;
    }
    if (!isThenable(outcome)) return outcome as LastResult;
    this.promised = settledOnce(outcome);
    return PROMISED;
  }

  /** What fails in here is not the handler's. */
  private follow(operation: OperationContext, generator: AsyncGenerator<ResultValue, LastResult, void>): void {
    try {
      background(operation, this.stream(operation, generator));
    } catch (error) {
      crash(operation, error);
      this.finished(operation);
    }
  }

  private ends<Value>(
    operation: OperationContext,
    how: (this: this, operation: OperationContext, value: Value) => void,
    value: Value,
  ): void {
    try {
      how.call(this, operation, value);
    } catch (error) {
      crash(operation, error);
    }
    this.finished(operation);
  }

  private finished(operation: OperationContext): void {
    const { place } = operation;
    operation.place = 'none';
    // Results that a handler has not waited for may be held back longer than it works.
    if (place === 'lent') return;
    try {
      this.dispatcher.finished();
    } catch (error) {
      crash(operation, error);
    }
  }

  /** The handler is done: what it returned is the last result, unless the frame has been answered. */
  private settle(operation: OperationContext, result: LastResult): void {
    if (operation.isOver) {
      unheardWithin(result);
      return;
    }
    const sent = operation.complete(result === undefined ? '' : (result as ResultValue));
    if (sent === SETTLED) return;
    sent.catch((error: unknown) => {
      if (!operation.isOver) guard(operation, () => this.fail(operation, error));
    });
  }

  private async stream(
    operation: OperationContext,
    generator: AsyncGenerator<ResultValue, LastResult, void> | Generator<ResultValue, LastResult, void>,
  ): Promise<void> {
    operation.work = generator;
    // One of the application's own making runs in the context of whoever calls it, also when it is left while it works.
    let isOwn = !types.isGeneratorObject(generator);
    try {
      for (;;) {
        const next = generator.next();
        if (isOwn) operation.context = currentContext();
        isOwn = false;
        const step = await next;
        if (operation.isOver) {
          unheardWithin(step.value);
          leave(generator);
          break;
        }
        if (step.done === true) {
          this.settle(operation, step.value);
          break;
        }
        const sent = operation.push(step.value);
        if (sent === SETTLED) continue;
        // While it waits at its yield, it may be left from anywhere.
        operation.context = currentContext();
        await sent;
      }
    } catch (error) {
      leave(generator);
      guard(operation, () => this.fail(operation, error));
    }
    this.finished(operation);
  }

  /** An abort that a handler passes on is no failure of its own. */
  private fail(operation: OperationContext, error: unknown): void {
    if (operation.isOver && operation.abortReason !== undefined) return;
    const { session, frameId } = operation;
    // One that the client has been told of is no defect.
    const onPurpose = operation.isOver ? undefined : failureOnPurpose(error);
    if (!operation.isOver) operation.fail(onPurpose ?? handlerFailure(error, this.exposesErrors));
    if (onPurpose === undefined && operation.tells(error))
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
    for (const core of paused) guard(core.connection, () => core.sendFlow({ updateReason: UpdateReason.Resume }));
  }

  /** Runs a handler that must not bring anybody down. */
  private aside(core: SessionCore, frameId: number, handler: () => unknown): void {
    try {
      const outcome = this.context.run(handler);
      if (isThenable(outcome))
        settledOnce(outcome).then(undefined, (error: unknown) =>
          guard(core.connection, () => this.failedAside(core, frameId, error)),
        );
    } catch (error) {
      this.failedAside(core, frameId, error);
    }
  }

  private failedAside(core: SessionCore, frameId: number, error: unknown): void {
    if (core.isOver && isSameFailure(error, core.endReason)) return;
    this.failed({ sessionId: core.sessionId, frameId, error });
  }

  /** The client has paused what a handler sends: others may have its place until it goes on. */
  suspended(operation: OperationContext): void {
    if (operation.place !== 'taken') return;
    operation.place = 'lent';
    this.dispatcher.suspended();
  }

  resumed(operation: OperationContext): void {
    if (operation.place !== 'lent') return;
    operation.place = 'taken';
    this.dispatcher.resumed();
  }
}

const NOTHING_PROMISED: Promise<LastResult> = Promise.resolve(undefined);
const DEFAULTS: ServeOptions = { maxConcurrentOperations: 1024, maxQueuedOperations: 4096 };

/** @throws UsageError that names the option, what it takes and what it got */
export function serveOptions(options: Partial<ServeOptions>): ServeOptions {
  const complete = withDefaults('serve', options, DEFAULTS);
  for (const [option, value] of Object.entries(complete)) {
    if (!Number.isInteger(value) || value < 1) {
      throw new UsageError(`serve: ${option} takes an integer from 1, got ${shownValue(value)}`);
    }
  }
  return complete;
}

function isGenerator(outcome: unknown): outcome is AsyncGenerator<ResultValue, ResultValue | undefined, void> {
  return (
    typeof outcome === 'object' &&
    outcome !== null &&
    typeof (outcome as { next?: unknown }).next === 'function' &&
    (Symbol.asyncIterator in outcome || Symbol.iterator in outcome)
  );
}
