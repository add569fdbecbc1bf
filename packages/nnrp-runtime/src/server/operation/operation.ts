import {
  DeadlineError,
  type FlowSender,
  INSPECT,
  type Inspect,
  inspected,
  type NnrpError,
  OperationRecord,
  type Packet,
  UsageError,
} from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { PART_BYTES } from '../../base/json.js';
import { optionTable, U32 } from '../../base/option-kinds.js';
import { checkOptions } from '../../base/options.js';
import type { DeadlineList, Timed } from '../../base/time/deadline-queue.js';
import type { Turn } from '../../base/time/turn.js';
import { type BodyBytes, bodyCopy, bodyJson, bodyText, type OwnBytes } from '../../connection/body/body-reading.js';
import { traceIdOf } from '../../connection/body/trace-id.js';
import type { AsyncContext } from '../../platform/platform.js';
import { pin } from '../../transport/stream/pinned.js';
import type { NnrpServerSession, OperationContext, ResolvedObject } from '../contract/contract.js';
import type { DropOptions } from '../contract/preview4/drop-options.js';
import type { OperationBudget, OperationPriority, ProgressInit } from '../contract/preview4/operation-facts.js';
import type { ResultValue } from '../contract/server-messages.js';
import type { FrameFailure } from '../failures/frame-failure.js';
import type { HandlerPlace, PlaceTurn, Scheduled, SessionLine } from '../scheduling/connection-share.js';
import { OperationAbort } from './abort/operation-abort.js';
import { PREVIEW3_BODIES, type SubmitBodies } from './bodies/submit-bodies.js';
import type { OperationOwner } from './operation-owner.js';

const NO_OBJECTS: readonly ResolvedObject[] = [];

/** One submitted unit of work on the server, from its arrival to its one terminal answer. */
export class Operation extends OperationRecord implements OperationContext, Scheduled {
  timedSince: Turn | undefined = undefined;
  timedBefore: Timed | undefined = undefined;
  timedAfter: Timed | undefined = undefined;
  timedIn: DeadlineList | undefined = undefined;
  /** For the inbox: its place in the order of arrival, and whether it waits there. */
  arrival = 0;
  isUnread = false;
  /** For the session: what it is counted as while it waits, 0 when it does not. */
  queuedBytes = 0;
  /** For the session: results that are held back. */
  heldResults = 0;
  /** For the session: a result of it was sent, and there is no room yet for one more. */
  lacksRoom = false;
  /** For the session: sends the result that waits for its turn, or gives it up when the operation is over. */
  sendWaiting: (() => void) | undefined = undefined;
  /** For the session: what the last push got that was refused because too much is held back. */
  rejectedPush: Promise<never> | undefined;
  /** For the session: pushes that wait for the client or for room, while a handler has or had a place. */
  blockedPushes = 0;
  /** For the session: what the last of them waits for, and what it got; a handler that does not await its pushes gets the same again. */
  blockedBy: Promise<void> | undefined;
  /** For the session. */
  blocked: Promise<void> | undefined;
  /** For the serve loop: whether its handler has one of the places for handlers. */
  place: HandlerPlace = 'none';
  /** For the dispatcher: which share pays for its place; undefined before it has come there. */
  line: SessionLine | undefined = undefined;
  /** For the dispatcher: that it waits for a place. */
  turn: PlaceTurn | undefined = undefined;
  /** For the serve loop: the stream of results that answers it, to be left when the work is not wanted any more. */
  work: { leave(): void } | undefined = undefined;
  /** For the serve loop: the async context of that stream, as far as it is known; it is left in it, too. */
  context: AsyncContext | undefined = undefined;
  /** The halves of the trace id, which every answer carries back. */
  readonly traceLow: number;
  readonly traceHigh: number;
  readonly routeId: number;
  /** For the session: its end has been counted. */
  isCounted = false;
  private viewed: BodyBytes | undefined = undefined;
  private isSettled = false;
  private endReason: NnrpError | undefined = undefined;
  /** What few operations need: one field for all of it keeps the others small. */
  private lazy: LazyState | undefined = undefined;

  /** Made by the session. */
  constructor(
    readonly session: NnrpServerSession,
    private readonly owner: OperationOwner<Operation>,
    public packet: Packet,
    public deadlineMs: number,
    readonly objects: readonly ResolvedObject[] = NO_OBJECTS,
  ) {
    super(packet.frameId, undefined, undefined);
    // Read now: by the time they are needed, a handler may have transferred the memory of the packet.
    this.traceLow = packet.traceLow;
    this.traceHigh = packet.traceHigh;
    this.routeId = packet.routeId;
  }

  get frameId(): number {
    return this.operationId;
  }

  /** For what has read its body: that has made so many bytes more. An operation that no dispatcher has seen has no line. */
  holdsMore(bytes: number): void {
    this.line?.holdsMore(this, bytes);
  }

  /** A getter: a field would make each operation larger. */
  protected get bodies(): SubmitBodies {
    return PREVIEW3_BODIES;
  }

  get id(): bigint {
    return BigInt(this.operationId);
  }

  get priority(): OperationPriority | undefined {
    return undefined;
  }

  get budget(): OperationBudget | undefined {
    return undefined;
  }

  get metadata(): preview3.FrameSubmit {
    const lazy = this.lazyState();
    if (lazy.metadata === undefined) {
      if (this.packet.isDetached) throw new UsageError(`frame ${this.frameId}: the memory of the submit is gone`);
      lazy.metadata = this.bodies.decodeFrameSubmit(this.packet.view, this.packet.metadataStart);
    }
    return lazy.metadata;
  }

  get body(): BodyBytes {
    this.viewed ??= this.packet.body as BodyBytes;
    return this.viewed;
  }

  text(): string {
    return bodyText(this.body);
  }

  json<Value = unknown>(): Value {
    const { value, parts } = bodyJson(this.body, this.frameId);
    this.holdsMore(parts * PART_BYTES);
    return value as Value;
  }

  bytes(): OwnBytes {
    return bodyCopy(this.body);
  }

  get payloadFrames(): readonly preview3.TypedPayloadFrame[] {
    return this.bodies.decodeBody(this.body, this.metadata).typedPayloads;
  }

  get traceId(): bigint {
    return traceIdOf(this.traceLow, this.traceHigh);
  }

  get byteLength(): number {
    return this.packet.byteLength;
  }

  /** For the session. */
  get bodyBytes(): number {
    return this.packet.bodyLength;
  }

  /** For the session: bytes that it keeps while it waits, once it has settled in. */
  get settledBytes(): number {
    return this.packet.settledBytes;
  }

  /** For the session: it waits, and moves out of a chunk of which it needs little. */
  settleIn(): void {
    const settled = this.packet.settled();
    if (settled === this.packet) return;
    // As with the chunks of the transport: what the application gets cannot be transferred away.
    pin(settled.bytes.buffer);
    this.packet = settled;
    this.viewed = undefined;
  }

  get isOver(): boolean {
    return this.isSettled;
  }

  get signal(): AbortSignal {
    const lazy = this.lazyState();
    lazy.abort ??= new OperationAbort(this);
    const { signal } = lazy.abort;
    if (this.endReason !== undefined && !signal.aborted) lazy.abort.abort(this.endReason);
    return signal;
  }

  /** For its signal: what a listener has thrown. */
  listenerFailed(error: unknown): void {
    this.owner.listenerFailed(this, error);
  }

  throwIfAborted(): void {
    if (this.endReason !== undefined) throw this.endReason;
  }

  get abortReason(): NnrpError | undefined {
    return this.endReason;
  }

  get finished(): Promise<void> {
    if (this.isSettled) return Promise.resolve();
    const lazy = this.lazyState();
    lazy.finished ??= new Promise((resolve) => {
      lazy.resolveFinished = resolve;
    });
    return lazy.finished;
  }

  push(partial: ResultValue): Promise<void> {
    return this.owner.results.push(this, partial);
  }

  complete(result: ResultValue = ''): Promise<void> {
    return this.owner.results.complete(this, result);
  }

  drop(options?: DropOptions): Promise<void> {
    return this.owner.drop(this, options);
  }

  progress(progress: ProgressInit): boolean {
    return this.owner.progress(this, progress);
  }

  waitForTool(): void {
    this.owner.enter(this, preview3.OperationState.WaitingTool);
  }

  resumeWork(): void {
    this.owner.enter(this, preview3.OperationState.Running);
  }

  relate(relation: { readonly parentFrameId?: number; readonly groupId?: number }): void {
    const { parentFrameId, groupId } = checkOptions('relation', relation, RELATIONS);
    this.owner.relate(this, parentFrameId, groupId);
  }

  /** For the serve loop: a handler begins its work. */
  begin(): void {
    this.owner.started(this);
  }

  /** For the serve loop: the handler has failed, or there is none that could run. */
  fail(failure: FrameFailure): void {
    this.owner.fail(this, failure);
  }

  /** For the deadline queue: the time for its work is over, or the one in which its handler should have seen its end. */
  expired(lateMs: number): void {
    if (this.isSettled) {
      this.line?.handlerStuck(this, lateMs);
      return;
    }
    const text = `frame ${this.frameId} of session ${this.session.sessionId}: no result within ${this.deadlineMs} ms`;
    this.owner.expire(this, new DeadlineError(text, this.deadlineMs));
  }

  /** @internal For the deadline queue: what it threw costs the connection. */
  crashed(error: unknown): void {
    this.owner.crashed(error);
  }

  /** For the session: no answer may be sent any more. The handler is not told yet: several frames may end together. */
  settle(reason: NnrpError | undefined): void {
    if (this.isSettled) return;
    this.isSettled = true;
    this.endReason = reason;
  }

  /** For the session: the frame is answered, or given up for a reason. */
  end(reason: NnrpError | undefined): void {
    this.settle(reason);
    const { lazy } = this;
    if (lazy !== undefined) this.letGo(lazy);
    if (reason === undefined) return;
    // What the application does about it is its own affair: it may throw, and must not unwind what ends the operation.
    this.leaveWork();
    lazy?.abort?.abort(reason);
  }

  /** An application may keep what is over for long: it keeps no more than can still be asked for. */
  private letGo(lazy: LazyState): void {
    lazy.resolveFinished?.();
    lazy.resolveFinished = undefined;
    lazy.finished = undefined;
    if (lazy.metadata === undefined && lazy.abort === undefined && lazy.told === undefined) this.lazy = undefined;
  }

  /** For the serve loop: the handler of an operation that is over is done. */
  handlerDone(): void {
    this.work = undefined;
    this.context = undefined;
  }

  /** A generator that waits at a yield can clean up at once; one that waits elsewhere does when it goes on. */
  private leaveWork(): void {
    if (this.work === undefined) return;
    if (this.context === undefined) this.work.leave();
    else this.context.runInAsyncScope(this.work.leave, this.work);
  }

  /**
   * For the session and the serve loop: whether its failure is to be told. A value that was refused is told beside no other
   * failure, and one that the handler throws later, when it awaits the call at last, is not told again.
   */
  tells(error: unknown): boolean {
    const lazy = this.lazyState();
    if (lazy.told !== undefined && lazy.told.error === error) return false;
    lazy.told = { error };
    return true;
  }

  /** For the session: whether a failure of it has been told. */
  get hasTold(): boolean {
    return this.lazy?.told !== undefined;
  }

  /** For the session: counts the FLOW_UPDATEs of this operation. */
  flowSender(make: () => FlowSender): FlowSender {
    const lazy = this.lazyState();
    lazy.flowSender ??= make();
    return lazy.flowSender;
  }

  /** For the session: counts what is said of its progress. */
  nextStep(): number {
    return 0;
  }

  /** For the session: why no answer may be sent any more. */
  answeredError(): NnrpError {
    if (this.endReason !== undefined) return this.endReason;
    return new UsageError(`frame ${this.frameId} of session ${this.session.sessionId} has had its last answer`);
  }

  toJSON(): Record<string, unknown> {
    const { frameId, deadlineMs, isOver, abortReason } = this;
    const { sessionId, remoteAddress } = this.session;
    const { byteLength, bodyLength } = this.packet;
    const ended = abortReason?.message;
    return { sessionId, frameId, remoteAddress, deadlineMs, bodyLength, byteLength, isOver, abortReason: ended };
  }

  [INSPECT](depth: number, options: object, inspect?: Inspect): unknown {
    return inspected('OperationContext', this.toJSON(), depth, options, inspect);
  }

  private lazyState(): LazyState {
    this.lazy ??= {
      metadata: undefined,
      abort: undefined,
      finished: undefined,
      resolveFinished: undefined,
      flowSender: undefined,
      told: undefined,
    };
    return this.lazy;
  }
}

interface LazyState {
  metadata: preview3.FrameSubmit | undefined;
  abort: OperationAbort | undefined;
  finished: Promise<void> | undefined;
  resolveFinished: (() => void) | undefined;
  flowSender: FlowSender | undefined;
  /** The failure of the handler that the application was told of last. */
  told: { readonly error: unknown } | undefined;
}

const RELATIONS = optionTable<{ parentFrameId: number; groupId: number }>({ parentFrameId: U32, groupId: U32 });
