import { types } from 'node:util';
import { isSameFailure, type NnrpError, preview3, shownValue, UsageError } from 'nnrp-core';
import { ApplicationContext, currentContext } from '../base/application-context.js';
import { described } from '../base/described.js';
import { background, crash, type Guarded, guard } from '../base/guard.js';
import { withDefaults } from '../base/options.js';
import { within } from '../base/within.js';
import { SETTLED } from '../settled.js';
import { isThenable, settledOnce, unheardWithin } from '../thenable.js';
import { AttendedSession } from './attended-session.js';
import { Dispatcher, type DispatcherLimits } from './dispatcher.js';
import { connectionBusy, type FrameFailure, failureOnPurpose, handlerFailure, serverBusy } from './frame-failure.js';
import { leave, type OperationContext } from './operation-context.js';
import { failMigration, failPatch } from './request-failure.js';
import { ConnectionShare, SessionLine } from './scheduling/connection-share.js';
import { type SchedulingOptions, schedulingOptions } from './scheduling/scheduling-options.js';
import type { ServerBounds } from './server-bounds.js';
import type { HandlerFailure, HandlerStuck } from './server-events.js';
import type { NnrpCancel, NnrpClose, NnrpMigration, NnrpPatch, ResultValue, SessionEvent } from './server-messages.js';
import type { NnrpServerSession } from './server-session.js';
import type { MigrateAckInit, PatchAckInit } from './session-answers.js';
import type { SessionCore } from './session-core.js';
import { StuckHandlers } from './stuck-handlers.js';

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
  /** Submit handlers that run at once, over all connections; more wait for their turn; default 1024. */
  readonly maxConcurrentOperations: number;
  /** Operations that may wait for a handler; more are dropped with server_busy; default 4096. */
  readonly maxQueuedOperations: number;
  /** How these are shared out between connections and priority classes, see docs/scheduling.md; default {}. */
  readonly scheduling: Partial<SchedulingOptions>;
}

/** With all defaults filled in. */
export interface CompleteServeOptions extends ServeOptions {
  readonly scheduling: SchedulingOptions;
}

/** What a serve loop needs of its server. */
export interface ServeLoopOwner extends Guarded {
  readonly exposesErrors: boolean;
  readonly bounds: ServerBounds;
  /** Those that are open. */
  readonly connections: Iterable<object>;
  handlerFailed(failure: HandlerFailure): void;
  handlerStuck(stuck: HandlerStuck): void;
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
  private readonly limits: DispatcherLimits;
  private readonly stuck: StuckHandlers;
  private readonly exposesErrors: boolean;
  /** By connection, for as long as it lives. */
  private readonly shares = new WeakMap<object, ConnectionShare>();
  /** Sessions that were asked to pause because too much of their connection waits. */
  private readonly paused = new Map<ConnectionShare, Set<SessionCore>>();
  /** Its handler has returned: it neither runs on nor waits for room. */
  private settling: OperationContext | undefined;
  /** What the handler that has returned just now has promised. What it returned is not asked again whether it is a promise. */
  private promised: Promise<LastResult> = NOTHING_PROMISED;

  constructor(
    private readonly handlers: ServeHandlers,
    options: CompleteServeOptions,
    private readonly owner: ServeLoopOwner,
  ) {
    const { maxConcurrentOperations, maxQueuedOperations, scheduling } = options;
    this.limits = { maxConcurrentOperations, maxQueuedOperations, ...scheduling };
    this.exposesErrors = owner.exposesErrors;
    this.stuck = new StuckHandlers(scheduling.stuckHandlerMs, owner);
    this.dispatcher = new Dispatcher(this.limits, {
      run: (operation) => this.run(operation),
      relieved: (share) => this.resume(share),
      hit: (bound) => owner.bounds.hit(bound),
    });
    this.declareBounds();
  }

  /** Handlers that run although their operation has been over for `stuckHandlerMs`. */
  get stuckHandlers(): number {
    return this.stuck.count;
  }

  /** Serves a session from now on; what has arrived already comes first. */
  attend(core: SessionCore): void {
    core.receiver = new AttendedSession(core, this, this.lineOf(core));
    core.inbox.handOver(core.receiver);
    const { session } = this.handlers;
    if (session !== undefined) this.aside(core, 0, () => session.call(this.handlers, core.session));
  }

  submit(operation: OperationContext, core: SessionCore, line: SessionLine): void {
    if (this.dispatcher.isBusy(line.share)) this.pause(core, line.share);
    const full = this.dispatcher.submit(operation, line);
    if (full === undefined) return;
    this.owner.bounds.hit(full);
    const { maxQueuedOperations, maxQueuedPerConnection } = this.limits;
    operation.fail(
      full === 'queuedOperations' ? serverBusy(maxQueuedOperations) : connectionBusy(maxQueuedPerConnection),
    );
  }

  /** The operation is over, whatever its handler does. */
  withdraw(operation: OperationContext): void {
    if (operation.place !== 'none' && operation !== this.settling) this.stuck.overBefore(operation);
    this.dispatcher.withdraw(operation);
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

  ended(core: SessionCore, line: SessionLine, reason: NnrpError): void {
    guard(core.connection, () => this.dispatcher.leave(line));
    const { share } = line;
    const paused = this.paused.get(share);
    if (paused?.delete(core) === true && paused.size === 0) this.paused.delete(share);
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
    if (operation.isOver) this.stuck.done(operation);
    try {
      this.dispatcher.finished(operation);
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
    const outer = this.settling;
    this.settling = operation;
    const sent = operation.complete(result === undefined ? '' : (result as ResultValue));
    this.settling = outer;
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
      this.owner.handlerFailed({ sessionId: session.sessionId, frameId, error });
  }

  private pause(core: SessionCore, share: ConnectionShare): void {
    let paused = this.paused.get(share);
    if (paused === undefined) {
      paused = new Set();
      this.paused.set(share, paused);
    }
    if (paused.has(core)) return;
    paused.add(core);
    core.sendFlow({ updateReason: UpdateReason.Congestion, backpressureLevel: BackpressureLevel.Hard });
  }

  private resume(share: ConnectionShare): void {
    const paused = this.paused.get(share);
    if (paused === undefined) return;
    this.paused.delete(share);
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
    this.owner.handlerFailed({ sessionId: core.sessionId, frameId, error });
  }

  /** A handler waits for its client, or for room: others may have its place until it goes on. */
  suspended(operation: OperationContext): void {
    if (operation.place === 'taken' && operation !== this.settling) this.dispatcher.suspended(operation);
  }

  /** @returns what to wait for before it goes on; undefined when it may go on at once */
  resumed(operation: OperationContext): Promise<void> | undefined {
    return operation.place === 'lent' ? this.dispatcher.resumed(operation) : undefined;
  }

  private lineOf({ connection, ack }: SessionCore): SessionLine {
    let share = this.shares.get(connection);
    if (share === undefined) {
      share = new ConnectionShare();
      this.shares.set(connection, share);
    }
    return new SessionLine(share, ack.acceptedPriorityClass, (operation, lateMs) => this.isStuck(operation, lateMs));
  }

  private isStuck(operation: OperationContext, lateMs: number): void {
    this.owner.bounds.hit('stuckHandlers');
    this.stuck.found(operation);
    const { stuckHandlerMs, releaseStuckPlaces } = this.limits;
    // Never taken again: it goes on without one.
    if (releaseStuckPlaces) this.suspended(operation);
    const { sessionId, remoteAddress } = operation.session;
    const { frameId } = operation;
    this.owner.handlerStuck({ sessionId, frameId, remoteAddress, forMs: stuckHandlerMs + lateMs });
  }

  private declareBounds(): void {
    const { dispatcher, limits } = this;
    const { bounds } = this.owner;
    const none = Number.POSITIVE_INFINITY;
    bounds.add('runningOperations', 'server', limits.maxConcurrentOperations, () => dispatcher.runningCount);
    bounds.add('queuedOperations', 'server', limits.maxQueuedOperations, () => dispatcher.waitingCount);
    bounds.add('suspendedOperations', 'server', none, () => dispatcher.suspendedCount);
    bounds.add('stuckHandlers', 'server', none, () => this.stuck.count);
    const { maxRunningPerConnection, maxQueuedPerConnection, maxSuspendedPerConnection } = limits;
    const most = (count: (share: ConnectionShare) => number) => () => this.mostOf(count);
    bounds.add(
      'connectionRunningOperations',
      'connection',
      maxRunningPerConnection,
      most((share) => share.running),
    );
    bounds.add(
      'connectionQueuedOperations',
      'connection',
      maxQueuedPerConnection,
      most((share) => share.waiting),
    );
    bounds.add(
      'connectionSuspendedOperations',
      'connection',
      maxSuspendedPerConnection,
      most((share) => share.suspended),
    );
  }

  /** Of the connection that has most. */
  private mostOf(count: (share: ConnectionShare) => number): number {
    let most = 0;
    for (const connection of this.owner.connections) {
      const share = this.shares.get(connection);
      if (share !== undefined) most = Math.max(most, count(share));
    }
    return most;
  }
}

const NOTHING_PROMISED: Promise<LastResult> = Promise.resolve(undefined);
const DEFAULTS: ServeOptions = { maxConcurrentOperations: 1024, maxQueuedOperations: 4096, scheduling: {} };

/** @throws UsageError that names the option, what it takes and what it got */
export function serveOptions(options: Partial<ServeOptions>): CompleteServeOptions {
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

function isGenerator(outcome: unknown): outcome is AsyncGenerator<ResultValue, ResultValue | undefined, void> {
  return (
    typeof outcome === 'object' &&
    outcome !== null &&
    typeof (outcome as { next?: unknown }).next === 'function' &&
    (Symbol.asyncIterator in outcome || Symbol.iterator in outcome)
  );
}
