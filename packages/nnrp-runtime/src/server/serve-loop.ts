import { types } from 'node:util';
import { isSameFailure, type NnrpError } from 'nnrp-core';
import { SessionPatchRejectReason } from 'nnrp-core/preview3';
import { ApplicationContext, currentContext } from '../base/application-context.js';
import { described } from '../base/described.js';
import { background, crash, type Guarded, guard } from '../base/guard.js';
import { within } from '../base/within.js';
import { SETTLED } from '../settled.js';
import { isThenable, settledOnce, unheardWithin } from '../thenable.js';
import { AttendedSession, type SessionHandlers } from './attended-session.js';
import type { MigrateAckInit, PatchAckInit } from './contract.js';
import { Dispatcher, type DispatcherLimits } from './dispatcher.js';
import { connectionBusy, type FrameFailure, failureOnPurpose, handlerFailure, serverBusy } from './frame-failure.js';
import { declareHandlers } from './handler-bounds.js';
import type { Operation } from './operation.js';
import { PausedSessions } from './paused-sessions.js';
import { isGenerator, isSource, leave, type OpenSource, openSource } from './result-source.js';
import { type Scheduled, SessionLine } from './scheduling/connection-share.js';
import { ConnectionShares } from './scheduling/connection-shares.js';
import type { CompleteServeOptions, LastResult, ResultSource, ServeHandlers } from './serve-handlers.js';
import type { ServerBounds } from './server-bounds.js';
import type { HandlerFailure, HandlerStuck } from './server-events.js';
import type {
  NnrpCancel,
  NnrpClose,
  NnrpMigration,
  NnrpPatch,
  ResultValue,
  ServerSessionEvent,
} from './server-messages.js';
import type { SessionCore } from './session-core.js';
import { StuckHandlers } from './stuck-handlers.js';

/** Milliseconds that a close handler may take, unless the client gives more; then the close is confirmed without it. */
const CLOSE_HANDLER_MS = 4_000;

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
export class ServeLoop implements SessionHandlers {
  private readonly dispatcher: Dispatcher;
  /** Where the application handed its handlers over. */
  private readonly context = new ApplicationContext();
  private readonly limits: DispatcherLimits;
  private readonly stuck: StuckHandlers;
  private readonly exposesErrors: boolean;
  private readonly shares = new ConnectionShares();
  private readonly paused = new PausedSessions();
  /** Its handler has returned: it neither runs on nor waits for room. */
  private settling: Operation | undefined;
  /** What the handler that has returned just now has promised. What it returned is not asked again whether it is a promise. */
  private promised: Promise<LastResult | ResultSource> = NOTHING_PROMISED;

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
      // It gives back what it was given.
      run: (operation) => this.run(operation as Operation),
      relieved: (share) => this.paused.resume(share),
      hit: (bound) => owner.bounds.hit(bound),
    });
    declareHandlers(owner.bounds, this.limits, this.dispatcher, this.stuck, () => this.shares.ofAll(owner.connections));
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

  submit(operation: Operation, core: SessionCore, line: SessionLine): void {
    if (this.dispatcher.isBusy(line.share)) this.paused.pause(core, line.share);
    const full = this.dispatcher.submit(operation, line);
    if (full === undefined) return;
    this.owner.bounds.hit(full);
    const { maxQueuedOperations, maxQueuedPerConnection } = this.limits;
    operation.fail(
      full === 'queuedOperations' ? serverBusy(maxQueuedOperations) : connectionBusy(maxQueuedPerConnection),
    );
  }

  /** The operation is over, whatever its handler does. */
  withdraw(operation: Operation): void {
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
      (failure) => core.patches.failed(patch, failure),
    );
  }

  async migrate(migration: NnrpMigration, core: SessionCore): Promise<void> {
    const { handlers } = this;
    await this.answer<MigrateAckInit>(
      core,
      {},
      () => handlers.migrate?.(migration, core.session),
      (ack) => core.session.sendMigrateAck(migration, ack),
      (failure) => core.migrations.failed(migration, failure),
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

  event(event: ServerSessionEvent, core: SessionCore): void {
    const { handlers } = this;
    const cached = event.type === 'cachePut' || event.type === 'cacheInvalidate';
    if ((cached ? handlers.cache : handlers.event) === undefined) return;
    described(event);
    if (cached) this.aside(core, 0, () => handlers.cache?.(event, core.session));
    else this.aside(core, 0, () => handlers.event?.(event, core.session));
  }

  ended(core: SessionCore, { share }: SessionLine, reason: NnrpError): void {
    this.paused.forget(core, share);
    const { handlers } = this;
    if (handlers.ended !== undefined) this.aside(core, 0, () => handlers.ended?.(core.session, reason));
  }

  /** Its place is given back when the handler is done, whatever fails on the way. */
  private run(operation: Operation): void {
    operation.place = 'taken';
    try {
      if (this.call(operation) === 'goes on') return;
    } catch (error) {
      crash(operation, error);
    }
    this.finished(operation);
  }

  private call(operation: Operation): Progress {
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
      (result) => this.kept(operation, result),
      (error: unknown) => this.ends(operation, this.fail, error),
    );
    return 'goes on';
  }

  /** All that is the application's: whatever its handler returns may throw when it is looked at. */
  private handle(operation: Operation): LastResult | typeof STREAMED | typeof PROMISED {
    const outcome = this.handlers.submit(operation);
    if (isGenerator(outcome)) return this.follow(operation, outcome);
    // What is both a promise and a stream is read as it comes.
    if (isThenable(outcome) && !(Symbol.asyncIterator in outcome)) {
      this.promised = settledOnce(outcome);
      return PROMISED;
    }
    return isSource(outcome) ? this.follow(operation, openSource(outcome, operation)) : (outcome as LastResult);
  }

  /** The handler has kept its promise: by a result, or by a stream of results. */
  private kept(operation: Operation, outcome: LastResult | ResultSource): void {
    try {
      if (isSource(outcome)) {
        operation.context?.runInAsyncScope(() => this.follow(operation, openSource(outcome, operation)));
        return;
      }
    } catch (error) {
      this.ends(operation, this.fail, error);
      return;
    }
    this.ends(operation, this.settle, outcome);
  }

  /** What fails in here is not the handler's. */
  private follow(operation: Operation, source: OpenSource): typeof STREAMED {
    try {
      background(operation, this.stream(operation, source));
    } catch (error) {
      crash(operation, error);
      this.finished(operation);
    }
    return STREAMED;
  }

  private ends<Value>(
    operation: Operation,
    how: (this: this, operation: Operation, value: Value) => void,
    value: Value,
  ): void {
    try {
      how.call(this, operation, value);
    } catch (error) {
      crash(operation, error);
    }
    this.finished(operation);
  }

  private finished(operation: Operation): void {
    if (operation.isOver) this.stuck.done(operation);
    try {
      this.dispatcher.finished(operation);
    } catch (error) {
      crash(operation, error);
    }
  }

  /** The handler is done: what it returned is the last result, unless the frame has been answered. */
  private settle(operation: Operation, result: LastResult): void {
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

  private async stream(operation: Operation, source: OpenSource): Promise<void> {
    operation.work = source;
    // One of the application's own making runs in the context of whoever calls it, also when it is left while it works.
    let isOwn = !types.isGeneratorObject(source);
    try {
      // A promise of it may have been kept too late.
      if (operation.isOver) leave(source);
      for (;;) {
        const next = source.next();
        if (isOwn) operation.context = currentContext();
        isOwn = false;
        const step = await next;
        if (operation.isOver) {
          unheardWithin(step.value);
          leave(source);
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
      leave(source);
      guard(operation, () => this.fail(operation, error));
    }
    this.finished(operation);
  }

  /** An abort that a handler passes on is no failure of its own. */
  private fail(operation: Operation, error: unknown): void {
    if (operation.isOver && operation.abortReason !== undefined) return;
    const { session, frameId } = operation;
    // One that the client has been told of is no defect.
    const onPurpose = operation.isOver ? undefined : failureOnPurpose(error);
    if (!operation.isOver) operation.fail(onPurpose ?? handlerFailure(error, this.exposesErrors));
    if (onPurpose === undefined && operation.tells(error))
      this.owner.handlerFailed({ sessionId: session.sessionId, frameId, error });
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
  suspended(operation: Scheduled): void {
    if (operation.place === 'taken' && operation !== this.settling) this.dispatcher.suspended(operation);
  }

  /** @returns what to wait for before it goes on; undefined when it may go on at once */
  resumed(operation: Operation): Promise<void> | undefined {
    return operation.place === 'lent' ? this.dispatcher.resumed(operation) : undefined;
  }

  private lineOf({ connection, ack }: SessionCore): SessionLine {
    return new SessionLine(this.shares.of(connection), ack.acceptedPriorityClass, (operation, lateMs) =>
      this.isStuck(operation, lateMs),
    );
  }

  private isStuck(operation: Scheduled, lateMs: number): void {
    this.owner.bounds.hit('stuckHandlers');
    this.stuck.found(operation);
    const { stuckHandlerMs, releaseStuckPlaces } = this.limits;
    // Never taken again: it goes on without one.
    if (releaseStuckPlaces) this.suspended(operation);
    const { sessionId, remoteAddress } = operation.session;
    const { frameId } = operation;
    this.owner.handlerStuck({ sessionId, frameId, remoteAddress, forMs: stuckHandlerMs + lateMs });
  }
}

const NOTHING_PROMISED: Promise<undefined> = Promise.resolve(undefined);
