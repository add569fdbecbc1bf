import type { NnrpError } from 'nnrp-core';
import { ApplicationContext } from '../../base/application/application-context.js';
import { crash, guard } from '../../base/guard.js';
import { SETTLED } from '../../base/promises/settled.js';
import { ignoreRejectionsWithin, isThenable, settledOnce } from '../../base/thenable.js';
import { currentContext } from '../../platform/platform.js';
import type { BoundName } from '../contract/server-bounds.js';
import type { ResultValue } from '../contract/server-messages.js';
import {
  connectionBusy,
  type FrameFailure,
  failureOnPurpose,
  handlerFailure,
  serverBusy,
  serverFull,
} from '../failures/frame-failure.js';
import type { Operation } from '../operation/operation.js';
import { type Scheduled, SessionLine } from '../scheduling/connection-share.js';
import { ConnectionShares } from '../scheduling/connection-shares.js';
import type { ServerSession } from '../session/server-session.js';
import { Dispatcher, type DispatcherLimits } from './dispatcher.js';
import { declareHandlers } from './handler-bounds.js';
import type { HandlerServiceOwner } from './handler-service-owner.js';
import { MessageHandlers } from './message-handlers.js';
import { PausedSessions } from './paused-sessions.js';
import { isGenerator, isSource, type OpenSource, openSource } from './result-source.js';
import type { LastResult, ResultSource, ServeHandlers } from './serve-handlers.js';
import type { CompleteServeOptions } from './serve-options.js';
import { ServedSession, type SessionHandlers } from './served-session.js';
import { SourceReader, type SourceReaderOwner } from './source-reader.js';
import { StuckHandlers } from './stuck-handlers.js';

/** What a handler returns is a stream of results, which is sent as it comes, or a promise, which is awaited. */
const GOES_ON = Symbol('goes on');

/** Whether a handler is done when its call returns. */
type Progress = 'done' | 'goes on';

/** Runs the handlers of an application for every session of a server: those of submits, in the places there are. */
export class HandlerService implements SessionHandlers, SourceReaderOwner {
  private readonly dispatcher: Dispatcher;
  /** Where the application handed its handlers over. */
  private readonly context = new ApplicationContext();
  /** The handlers of everything but submits. */
  readonly messages: MessageHandlers;
  private readonly limits: DispatcherLimits;
  private readonly stuck: StuckHandlers;
  private readonly exposesErrors: boolean;
  private readonly shares = new ConnectionShares();
  private readonly paused = new PausedSessions();
  /** Its handler has returned: it neither runs on nor waits for room. */
  private settling: Operation | undefined;

  constructor(
    private readonly handlers: ServeHandlers,
    options: CompleteServeOptions,
    private readonly owner: HandlerServiceOwner,
  ) {
    const { maxConcurrentOperations, maxQueuedOperations, scheduling } = options;
    this.limits = { maxConcurrentOperations, maxQueuedOperations, ...scheduling };
    this.exposesErrors = owner.exposesErrors;
    this.messages = new MessageHandlers(handlers, this.context, owner);
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
  attend(session: ServerSession): void {
    session.receiver = new ServedSession(session, this, this.lineOf(session));
    session.inbox.passTo(session.receiver);
    this.messages.attended(session);
  }

  submit(operation: Operation, session: ServerSession, line: SessionLine): void {
    if (this.dispatcher.isBusy(line.share)) this.paused.pause(session, line.share);
    const full = this.dispatcher.submit(operation, line);
    if (full === undefined) return;
    this.owner.bounds.hit(full);
    operation.fail(this.whyFull(full));
  }

  private whyFull(full: BoundName): FrameFailure {
    const { maxQueuedOperations, maxQueuedPerConnection, maxRunningBytes } = this.limits;
    if (full === 'runningBytes') return serverFull(maxRunningBytes);
    return full === 'queuedOperations' ? serverBusy(maxQueuedOperations) : connectionBusy(maxQueuedPerConnection);
  }

  /** The operation is over, whatever its handler does. */
  withdraw(operation: Operation): void {
    if (operation.place !== 'none' && operation !== this.settling) this.stuck.overBefore(operation);
    this.dispatcher.withdraw(operation);
  }

  ended(session: ServerSession, line: SessionLine, reason: NnrpError): void {
    guard(session.connection, () => this.dispatcher.leave(line));
    const { share } = line;
    this.paused.forget(session, share);
    this.messages.ended(session, reason);
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
    let outcome: LastResult | typeof GOES_ON;
    try {
      outcome = context.runInAsyncScope(this.handle, this, operation);
    } catch (error) {
      this.fail(operation, error);
      return 'done';
    }
    if (outcome === GOES_ON) return 'goes on';
    this.settle(operation, outcome);
    return 'done';
  }

  /** All that is the application's: whatever its handler returns may throw when it is looked at. */
  private handle(operation: Operation): LastResult | typeof GOES_ON {
    const outcome = this.handlers.submit(operation);
    if (isGenerator(outcome)) return this.follow(operation, outcome);
    // What is both a promise and a stream is read as it comes.
    if (isThenable(outcome) && !(Symbol.asyncIterator in outcome)) {
      // Here, in the context that the handler has set by now: Node.js from 24 on does not keep it beyond this call.
      settledOnce(outcome).then(
        (result) => this.kept(operation, result),
        (error: unknown) => this.ends(operation, this.fail, error),
      );
      return GOES_ON;
    }
    return isSource(outcome) ? this.follow(operation, openSource(outcome, operation)) : (outcome as LastResult);
  }

  /** The handler has kept its promise: by a result, or by a stream of results. */
  private kept(operation: Operation, outcome: LastResult | ResultSource): void {
    try {
      if (isSource(outcome)) {
        operation.context = currentContext();
        this.follow(operation, openSource(outcome, operation));
        return;
      }
    } catch (error) {
      this.ends(operation, this.fail, error);
      return;
    }
    this.ends(operation, this.settle, outcome);
  }

  /** What fails in here is not the handler's. */
  private follow(operation: Operation, source: OpenSource): typeof GOES_ON {
    try {
      new SourceReader(operation, source, this).begin();
    } catch (error) {
      crash(operation, error);
      this.finished(operation);
    }
    return GOES_ON;
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

  finished(operation: Operation): void {
    if (operation.isOver) this.stuck.done(operation);
    try {
      this.dispatcher.finished(operation);
      if (operation.isOver) operation.handlerDone();
    } catch (error) {
      crash(operation, error);
    }
  }

  /** The handler is done: what it returned is the last result, unless the frame has been answered. */
  settle(operation: Operation, result: LastResult): void {
    if (operation.isOver) {
      ignoreRejectionsWithin(result);
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

  /** An abort that a handler passes on is no failure of its own. */
  fail(operation: Operation, error: unknown): void {
    // `throw work()` without await: the rejection of the promise is told by what is thrown, and by nothing else.
    ignoreRejectionsWithin(error, 0);
    if (operation.isOver && operation.abortReason !== undefined) return;
    const { session, frameId } = operation;
    // One that the client has been told of is no defect.
    const onPurpose = operation.isOver ? undefined : failureOnPurpose(error);
    if (!operation.isOver) operation.fail(onPurpose ?? handlerFailure(error, this.exposesErrors));
    if (onPurpose === undefined && operation.tells(error))
      this.owner.handlerFailed({ sessionId: session.sessionId, frameId, error });
  }

  /** The clean-up of a handler has failed, which shows nowhere else: it is reported, unless it only passes on its abort. */
  notLeft(operation: Operation, error: unknown): void {
    ignoreRejectionsWithin(error, 0);
    if (passesOn(error, operation.abortReason) || !operation.tells(error)) return;
    const { session, frameId } = operation;
    this.owner.handlerFailed({ sessionId: session.sessionId, frameId, error });
  }

  /** A handler waits for its client, or for room: others may have its place until it goes on. */
  suspended(operation: Scheduled): void {
    if (operation.place === 'taken' && operation !== this.settling) this.dispatcher.suspended(operation);
  }

  /** @returns what to wait for before it goes on; undefined when it may go on at once */
  handlerBack(operation: Operation): Promise<void> | undefined {
    return operation.place === 'lent' ? this.dispatcher.handlerBack(operation) : undefined;
  }

  private lineOf({ connection, ack }: ServerSession): SessionLine {
    return new SessionLine(
      this.shares.of(connection.origin),
      ack.acceptedPriorityClass,
      (operation, lateMs) => this.isStuck(operation, lateMs),
      (operation, bytes) => this.dispatcher.holdsMore(operation, bytes),
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

/** Whether it is the reason itself, what `fetch` and Node's functions make of it, or what the operation refuses afterwards. */
function passesOn(error: unknown, reason: NnrpError | undefined): boolean {
  if (reason !== undefined && error === reason) return true;
  try {
    const { name, cause } = (error ?? {}) as { readonly name?: unknown; readonly cause?: unknown };
    return name === 'AbortError' || (reason !== undefined && cause === reason);
  } catch {
    return false;
  }
}
