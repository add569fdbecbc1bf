import type { AsyncResource } from 'node:async_hooks';
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
import type { DeadlineList, Timed } from '../base/deadline-queue.js';
import { checkOptions } from '../base/options.js';
import type { Turn } from '../base/turn.js';
import { bodyCopy, bodyFrames, bodyJson, bodyText, type OwnBytes } from '../connection/body-reading.js';
import { traceIdOf } from '../connection/trace-id.js';
import { isThenable, settledOnce } from '../thenable.js';
import { pin } from '../transport/pinned.js';
import type { FrameFailure } from './frame-failure.js';
import { OperationAbort } from './operation-abort.js';
import type { Turn as PlaceTurn, SessionLine } from './scheduling/connection-share.js';
import type { NnrpSubmit, ResultValue } from './server-messages.js';
import type { NnrpServerSession } from './server-session.js';
import type { SessionOperations } from './session-operations.js';

/** An object of the session's cache that a submit refers to. */
export interface ResolvedObject {
  readonly reference: preview3.ObjectReferenceBlock;
  /** Owned by the cache: not to be changed, nor transferred to another thread. */
  readonly bytes: Uint8Array;
}

/** `lent`: the handler goes on, and others may have its place until its results may flow again. */
export type HandlerPlace = 'none' | 'taken' | 'lent';

const NO_OBJECTS: readonly ResolvedObject[] = [];

/**
 * One submitted unit of work on the server, from its arrival to its one terminal answer: what a handler holds, and what
 * `receiveSubmit` hands out.
 */
export class OperationContext extends OperationRecord implements NnrpSubmit {
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
  refusedPush: Promise<never> | undefined;
  /** For the session: pushes that wait for the client or for room, while a handler has or had a place. */
  blockedPushes = 0;
  /** For the session: what the last of them waits for, and what it got; who does not await its pushes gets the same again. */
  blockedBy: Promise<void> | undefined;
  /** For the session. */
  blocked: Promise<void> | undefined;
  /** For the serve loop: whether its handler has one of the places for handlers. */
  place: HandlerPlace = 'none';
  /** For the dispatcher: who pays for its place; undefined before it has come there. */
  line: SessionLine | undefined = undefined;
  /** For the dispatcher: that it waits for a place. */
  turn: PlaceTurn | undefined = undefined;
  /** For the serve loop: the generator that works on it, to be left when the work is not wanted any more. */
  work: { return?(value: undefined): unknown } | undefined = undefined;
  /** For the serve loop: the async context of the generator, as far as it is known; it is left in it, too. */
  context: AsyncResource | undefined = undefined;
  /** The halves of the trace id, which every answer carries back. */
  readonly traceLow: number;
  readonly traceHigh: number;
  private viewed: Uint8Array | undefined = undefined;
  private over = false;
  private endReason: NnrpError | undefined = undefined;
  /** What few operations need: one field for all of it keeps the others small. */
  private rare: RareState | undefined = undefined;

  /** Made by the session. */
  constructor(
    readonly session: NnrpServerSession,
    private readonly operations: SessionOperations,
    private packet: Packet,
    /** Milliseconds granted for the work, 0 = any. */
    readonly deadlineMs: number,
    /** Objects of the session's cache that the submit refers to, in the order of its references. */
    readonly objects: readonly ResolvedObject[] = NO_OBJECTS,
  ) {
    super(packet.frameId, undefined, undefined);
    // Read now: by the time they are needed, a handler may have transferred the memory of the packet.
    this.traceLow = packet.traceLow;
    this.traceHigh = packet.traceHigh;
  }

  get frameId(): number {
    return this.operationId;
  }

  /** @throws UsageError when the memory of the submit was transferred to another thread before */
  get metadata(): preview3.FrameSubmit {
    const rare = this.rareState();
    if (rare.metadata === undefined) {
      if (this.packet.isDetached) throw new UsageError(`frame ${this.frameId}: the memory of the submit is gone`);
      rare.metadata = preview3.decodeFrameSubmit(this.packet.view, this.packet.metadataStart);
    }
    return rare.metadata;
  }

  /**
   * The body as it came, lent and not copied: it stays valid while held, and keeps the chunk it lies in alive. Other
   * packets may lie in that chunk, so it cannot be transferred to another thread: transfer a copy (`bytes()`).
   * It may begin at any byte of that chunk, also at an odd one: see `bytes` for what is to be read as numbers. Whether it is
   * a region body is between client and application; see `payloadFrames`.
   */
  get body(): Uint8Array {
    this.viewed ??= this.packet.body;
    return this.viewed;
  }

  /** The body as text. Invalid UTF-8 becomes U+FFFD. */
  text(): string {
    return bodyText(this.body);
  }

  /** The body as a value. @throws UsageError when it is no JSON */
  json(): unknown {
    return bodyJson(this.body, this.frameId);
  }

  /**
   * A copy of the body: the caller's own, to be changed or transferred to another thread. It lies at the beginning of its
   * memory, so a typed array of any kind may lie over it, such as `new Float32Array(operation.bytes().buffer)`.
   */
  bytes(): OwnBytes {
    return bodyCopy(this.body);
  }

  /**
   * The typed payload frames of a region body, not copied; decoded each time.
   * @throws WireError when the body is no region body or breaks its rules
   * @see NNRP/1-preview3 section 10
   */
  get payloadFrames(): readonly preview3.TypedPayloadFrame[] {
    return bodyFrames(this.body, this.metadata);
  }

  get traceId(): bigint {
    return traceIdOf(this.traceLow, this.traceHigh);
  }

  /** Bytes of the submit on the wire. */
  get byteLength(): number {
    return this.packet.byteLength;
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

  /** Whether the frame has had its terminal answer, or needs none any more. */
  get isOver(): boolean {
    return this.over;
  }

  /**
   * Aborts when the work is not wanted any more. Its reason says why: CancelledError (the client cancelled),
   * DeadlineError, ClosedError (session or connection closed), TransportError (connection lost) or ProtocolError (the client
   * broke a rule that cost it the session). It never aborts after a terminal answer. Each listener is called in the async
   * context (AsyncLocalStorage) in which it was added; what it throws, or its promise rejects with, is told by the event
   * `handlerFailure`. Not so the listeners of signals derived from this one: there it ends the process.
   */
  get signal(): AbortSignal {
    const rare = this.rareState();
    rare.abort ??= new OperationAbort((error) => this.operations.listenerFailed(this, error));
    const { signal } = rare.abort;
    if (this.endReason !== undefined && !signal.aborted) rare.abort.abort(this.endReason);
    return signal;
  }

  /**
   * Throws the reason when the work is not wanted any more: what `signal.throwIfAborted()` does, without the signal,
   * whose making costs more than a short operation (2 microseconds in Node 20).
   */
  throwIfAborted(): void {
    if (this.endReason !== undefined) throw this.endReason;
  }

  /** Why the work is not wanted any more; undefined while it is, and after an answer of the handler's own. */
  get abortReason(): NnrpError | undefined {
    return this.endReason;
  }

  /** Resolves when the operation is over, whatever its end. A handler that answers later returns this. */
  get finished(): Promise<void> {
    if (this.over) return Promise.resolve();
    const rare = this.rareState();
    rare.finished ??= new Promise((resolve) => {
      rare.resolveFinished = resolve;
    });
    return rare.finished;
  }

  /**
   * Sends a partial result.
   *
   * @param partial - bytes or text, with metadata if need be; more than 16 KiB of bytes are lent, not copied: when they
   * are transferred or resized before they have left, the frame fails with UsageError
   * @returns resolves when there is room for more: the client reads slowly, or has asked to pause
   * @throws (as a rejection) the abort reason when the work is not wanted any more, UsageError after a terminal answer,
   * WireError when the metadata is refused
   */
  push(partial: ResultValue): Promise<void> {
    return this.operations.push(this, partial);
  }

  /** Sends the last result, an empty one by default. Rejects like `push`. */
  complete(result: ResultValue = ''): Promise<void> {
    return this.operations.complete(this, result);
  }

  /** Answers that there is no result. Rejects like `push`. */
  drop(): Promise<void> {
    return this.operations.drop(this);
  }

  /**
   * Says that the work waits for a tool: its state is waiting_tool until `resumeWork`, or the next result.
   * @throws UsageError when it does not run, the abort reason when it is not wanted any more
   */
  waitForTool(): void {
    this.operations.enter(this, preview3.OperationState.WaitingTool);
  }

  /** The tool has answered. @throws UsageError when the work waits for none */
  resumeWork(): void {
    this.operations.enter(this, preview3.OperationState.Running);
  }

  /**
   * Says what the work belongs to, for `cancelOperations` of a subtree or a group. Nothing on the wire of preview3 does.
   *
   * @param relation - the frame it is part of, a group of the application's own choice, or both
   * @throws UsageError for a frame that was never submitted, a circle, group 0, or another relation
   */
  relate(relation: { readonly parentFrameId?: number; readonly groupId?: number }): void {
    const { parentFrameId, groupId } = checkOptions('relation', relation, RELATIONS);
    this.operations.relate(this, parentFrameId, groupId);
  }

  /** For the serve loop: a handler begins its work. */
  begin(): void {
    this.operations.started(this);
  }

  /** For the serve loop: the handler has failed, or there is none that could run. */
  fail(failure: FrameFailure): void {
    this.operations.fail(this, failure);
  }

  /** For the deadline queue: the time for its work is over, or the one in which its handler should have seen its end. */
  expired(lateMs: number): void {
    if (this.over) {
      this.line?.handlerStuck(this, lateMs);
      return;
    }
    const text = `frame ${this.frameId} of session ${this.session.sessionId}: no result within ${this.deadlineMs} ms`;
    this.operations.expire(this, new DeadlineError(text, this.deadlineMs));
  }

  /** @internal For the deadline queue: what it threw costs the connection. */
  crashed(error: unknown): void {
    this.operations.crashed(error);
  }

  /** For the session: no answer may be sent any more. Nobody is told yet: several frames may end together. */
  settle(reason: NnrpError | undefined): void {
    if (this.over) return;
    this.over = true;
    this.endReason = reason;
  }

  /** For the session: the frame is answered, or given up for a reason. */
  end(reason: NnrpError | undefined): void {
    this.settle(reason);
    const { rare } = this;
    rare?.resolveFinished?.();
    if (reason === undefined) return;
    // What the application does about it is its own affair: it may throw, and must not unwind what ends the operation.
    this.leaveWork();
    rare?.abort?.abort(reason);
  }

  /** A generator that waits at a yield can clean up at once; one that waits elsewhere does when it goes on. */
  private leaveWork(): void {
    if (this.work === undefined) return;
    if (this.context === undefined) leave(this.work);
    else this.context.runInAsyncScope(leave, undefined, this.work);
  }

  /**
   * For the session and the serve loop: whether its failure is to be told. A value that was refused is told beside no other
   * failure, and one that the handler throws later, when it awaits the call at last, is not told again.
   */
  tells(error: unknown): boolean {
    const rare = this.rareState();
    if (rare.told !== undefined && rare.told.error === error) return false;
    rare.told = { error };
    return true;
  }

  /** For the session: whether a failure of it has been told. */
  get hasTold(): boolean {
    return this.rare?.told !== undefined;
  }

  /** For the session: counts the FLOW_UPDATEs of this operation. */
  flowSender(make: () => FlowSender): FlowSender {
    const rare = this.rareState();
    rare.flowSender ??= make();
    return rare.flowSender;
  }

  /** For the session: why no answer may be sent any more. */
  refusal(): NnrpError {
    if (this.endReason !== undefined) return this.endReason;
    return new UsageError(`frame ${this.frameId} of session ${this.session.sessionId} has had its last answer`);
  }

  /** Plain facts, as logs show them: no payload, no secret. */
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

  private rareState(): RareState {
    this.rare ??= {
      metadata: undefined,
      abort: undefined,
      finished: undefined,
      resolveFinished: undefined,
      flowSender: undefined,
      told: undefined,
    };
    return this.rare;
  }
}

interface RareState {
  metadata: preview3.FrameSubmit | undefined;
  abort: OperationAbort | undefined;
  finished: Promise<void> | undefined;
  resolveFinished: (() => void) | undefined;
  flowSender: FlowSender | undefined;
  /** The failure of the handler that the application was told of last. */
  told: { readonly error: unknown } | undefined;
}

const RELATIONS: ReadonlySet<string> = new Set(['parentFrameId', 'groupId']);

/** Lets a generator run its `finally`; what it throws then concerns nobody any more. */
export function leave(generator: { return?(value: undefined): unknown }): void {
  try {
    const left = generator.return?.(undefined);
    if (isThenable(left)) settledOnce(left).then(undefined, () => {});
  } catch {
    // A generator that is running right now cannot be left; it sees its signal.
  }
}
