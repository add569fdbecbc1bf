import type { FlowFields, NnrpError, ObjectIdentity, SchemaRegistry, SessionState } from 'nnrp-core';
import type * as preview3 from 'nnrp-core/preview3';
import type { ASYNC_DISPOSE } from '../../base/application/async-dispose.js';
import type { AsyncItems } from '../../base/async-items.js';
import type { Given } from '../../base/options.js';
import type { BodyInput } from '../../connection/body/body-bytes.js';
import type { BodyBytes, OwnBytes } from '../../connection/body/body-reading.js';
import type { CloseReport } from '../../connection/close-report.js';
import type { SessionControls } from '../../connection/controls/session-controls.js';
import type { RevisionName } from '../../connection/revision/revision-name.js';
import type { ServerCloseOptions } from './close-options.js';
import type { DropOptions } from './preview4/drop-options.js';
import type { OperationBudget, OperationPriority, ProgressInit } from './preview4/operation-facts.js';
import type {
  NnrpCancel,
  NnrpClose,
  NnrpMigration,
  NnrpPatch,
  NnrpSubmit,
  ResultInit,
  ResultValue,
  RuntimeSessionRecord,
  ServerSessionEvent,
} from './server-messages.js';
import type { SessionStats } from './session-stats.js';

/** What a FLOW_UPDATE says, and about what: the session, or one of its frames. */
export interface FlowUpdateInit extends FlowFields {
  /** The operation that is meant; left out, the whole session. */
  readonly frameId?: number | undefined;
}

/** What a RESULT_HINT says; what is left out is none. */
export type ResultHintInit = Given<preview3.ResultHint>;

/** An answer to SESSION_PATCH; what is left out follows from the patch: everything applied as asked. */
export type PatchAckInit = Given<preview3.SessionPatchAck>;

/** An answer to SESSION_MIGRATE; what is left out refuses (accept_code 1) and replays from the next frame. */
export type MigrateAckInit = Given<preview3.SessionMigrateAck>;

/** The operations of a session that have not ended. */
export interface OperationsInFlight extends Iterable<OperationContext> {
  readonly size: number;
  /** The highest frame id so far, 0 before the first. */
  readonly highestId: number;
  /** The operation, while it has not ended. */
  get(frameId: number): OperationContext | undefined;
  /** Whether the operation is there and has not ended. */
  has(frameId: number): boolean;
  /**
   * Whether the frame id counts as used, by an operation that lives or has ended. Memory for this is bounded: a peer that
   * leaves thousands of gaps loses the ids in them.
   */
  wasUsed(frameId: number): boolean;
}

/**
 * One session of a server. `receive*` calls wait for the next message of their kind, may be outstanding at once, and
 * reject with the reason when the session ends. Every frame gets exactly one terminal answer: a result that is not
 * partial, or a drop.
 */
export interface NnrpServerSession {
  readonly sessionId: number;
  /** The revision of the wire that its client speaks. */
  readonly revision: RevisionName;
  /** The request this session was granted for. */
  readonly clientOpen: preview3.SessionOpen;
  /** What was granted. */
  readonly ack: preview3.SessionOpenAck;
  /** open, closing (the client or this side has asked to close), draining, closed. */
  readonly state: SessionState;
  /** The operations in flight: which there are, and how far each of them is. */
  readonly operations: OperationsInFlight;
  /** What only preview4 can say: capabilities, credit, trace contexts, objects and more. Over preview3 its calls throw UsageError. */
  readonly controls: SessionControls;
  /** Objects in the session's cache, those that the application tracks included. */
  readonly cacheObjectCount: number;
  /** The schemas the session may name: the server's, and those it brought along where it may. */
  readonly schemas: SchemaRegistry;
  /** The peer, such as 127.0.0.1:51000. */
  readonly remoteAddress: string;
  /**
   * Whether the client has shown that it knows the messages of peers, such as PING and RESULT_HINT, which the reference client
   * of preview3 does not.
   */
  readonly knowsPeerMessages: boolean;
  /** The last round trip of the connection in milliseconds; undefined before the first PONG. */
  readonly roundTripMs: number | undefined;
  /**
   * Measures the round trip with PING.
   *
   * @returns milliseconds
   * @throws (as a rejection) UsageError when the client would not understand it, TimeoutError when no PONG comes within
   * `pingTimeoutMs`; the connection is over then
   */
  ping(): Promise<number>;
  /** Why the session is over; undefined while it is not. */
  readonly endReason: NnrpError | undefined;
  /** Frames that have not had their terminal answer. */
  readonly inFlightCount: number;
  /** What the server keeps of the session. */
  readonly record: RuntimeSessionRecord;
  /** Whether a frame still waits for its terminal answer: false once answered, cancelled, expired or unknown. */
  isInFlight(frameId: number): boolean;
  /**
   * The next submit, in order. While many wait unread, reading from the connection stops.
   * @throws ClosedError or TransportError (as a rejection) when the session has ended and nothing waits
   */
  receiveSubmit(): Promise<OperationContext>;
  /**
   * Every submit until the client closes the session or the session ends otherwise (see `endReason`). Call `close`
   * afterwards: it confirms the client's close.
   *
   * The loop may be left at any time, and another one begun: the next submit goes to the next call that asks for one. Leaving
   * answers nothing. A submit that the loop has handed out is the application's own, also when its body has thrown: the
   * application completes it or drops it, else the client waits until its deadline. (`serve` drops it by itself.)
   * @throws UsageError when `events` or `serve` takes the messages; where that begins later, the loop throws it
   */
  [Symbol.asyncIterator](): AsyncItems<OperationContext, void>;
  /** The next frame that the client gave up. The runtime has answered it with RESULT_DROP and aborted its signal. */
  receiveCancel(): Promise<NnrpCancel>;
  /** The next SESSION_PATCH; answer it with `sendPatchAck`. */
  receivePatch(): Promise<NnrpPatch>;
  /** The next SESSION_MIGRATE; answer it with `sendMigrateAck`. */
  receiveMigrate(): Promise<NnrpMigration>;
  /** Resolves when the client asks to close; answer with `ackClose`. */
  receiveClose(): Promise<NnrpClose>;
  /**
   * Every message of the session in the order of arrival, until it is over. It takes the messages from the call on: the
   * `receive*` calls get none any more, and a second loop throws UsageError. When the loop is left, also while it waits,
   * the messages go to the `receive*` calls again, those included that it has not handed out; only `events` shows
   * flow updates, cache messages and errors, so those are gone. What it has handed out the application answers.
   */
  events(): AsyncItems<ServerSessionEvent, void>;
  /**
   * Answers a frame. Results marked partial may be followed by more; any other is the frame's last answer.
   *
   * @param body - up to 16 KiB are copied; a longer one is lent, and may be sent some time after the promise resolves: do not
   * change it any more. When it is transferred or resized before it has left, the frame fails like one whose handler has
   * failed
   * @returns resolves when there is room to send more
   * @throws (as a rejection) UsageError when the frame has had its last answer, and for a field that does not exist or
   * fit; WireError when fields contradict each other (the frame can still be answered), ClosedError when the session is over
   */
  sendResult(frameId: number, result: ResultInit, body?: BodyInput): Promise<void>;
  /**
   * Tells the client that a frame gets no result; it waits for one or the other. Rejects like `sendResult`, but not for
   * a frame that the client has cancelled or that has expired: those were dropped already.
   */
  sendResultDrop(frameId: number): Promise<void>;
  /**
   * Cancels work on this side, with what hangs on it; each frame is answered with RESULT_DROP.
   * @returns the frames that were in flight
   * @throws UsageError when there is no such operation
   */
  cancelOperations(scope: preview3.CancelScope, frameId: number): number[];
  /** Notes an object whose bytes the application keeps. @throws UsageError when the cache is full, or on a wrong field */
  trackCacheObject(identity: ObjectIdentity): void;
  /**
   * An object that the client has put, while its lease lasts. Not to be changed, nor transferred: copy it (`slice`).
   * @throws UsageError when a field of the identity is missing or no number of the wire
   */
  cacheObject(identity: ObjectIdentity): BodyBytes | undefined;
  /**
   * Answers the oldest SESSION_PATCH without an answer.
   *
   * @param ack - what is left out follows from the patch: everything applied as asked, or nothing with a rejectReason
   * @param profilePatchAck - the profile's own data
   * @throws (as a rejection) UsageError when no patch waits for an answer or a field does not fit, WireError when
   * fields contradict each other
   */
  sendPatchAck(ack?: PatchAckInit, profilePatchAck?: BodyInput): Promise<void>;
  /**
   * Answers the oldest SESSION_MIGRATE without an answer, or the given one.
   *
   * @param ack - acceptCode 0 accepts, any other refuses; what is left out refuses
   * @throws (as a rejection) UsageError when no migration waits, or an acceptance breaks MIG-3 or MIG-4
   */
  sendMigrateAck(request: NnrpMigration, ack?: MigrateAckInit): Promise<void>;
  /**
   * Tells the client how much it may send: credit, pause, resume, when to retry. Epochs are counted by the runtime.
   * @throws (as a rejection) UsageError for a frame that is not in flight, and for a wrong field
   */
  sendFlowUpdate(update: FlowUpdateInit): Promise<void>;
  /**
   * Advises the client about a frame, or about the whole session (frame 0).
   * @returns false when the client would not understand it, and nothing was sent
   */
  sendResultHint(frameId: number, hint: ResultHintInit): Promise<boolean>;
  /**
   * Reports a failure that costs nothing by itself: of the session, or of one frame.
   *
   * @param text - for people; cut to 256 bytes
   * @returns false when the client would not understand it, and nothing was sent
   */
  sendError(
    errorCode: number,
    text: string,
    options?: { readonly frameId?: number | undefined; readonly retryAfterMs?: number | undefined },
  ): Promise<boolean>;
  /**
   * Confirms the client's close. Frames in flight get the time that the client gave them (drain) and are dropped
   * then; the session is over when the promise resolves.
   * @throws UsageError (as a rejection) when the client has not asked to close
   */
  ackClose(_close?: NnrpClose): Promise<void>;
  /**
   * Ends the session from this side; confirms the client's close when it has asked for one. Frames in flight get
   * `drainTimeoutMs`, and are dropped then. A client that does not know SESSION_CLOSE from a server is told by the end of
   * the connection, when this was its last session. `closeReport` says what was cut.
   */
  close(options?: ServerCloseOptions): Promise<void>;
  /**
   * Ends the session at once, in whatever state it is, also while it is suspended: its operations fail with this error, and the
   * session ends for the client with the same code, text, advice and details. A client that knows no ERROR from a server sees its
   * frames dropped, and the end of the connection when this was its last session.
   * @param error - a HandlerError
   * @throws UsageError (as a rejection) when it is none
   */
  endWith(error: Error): Promise<void>;
  /**
   * Fails one frame in flight: the client gets this error for it, and the handler is told by its signal.
   * @param error - a HandlerError
   * @returns false when there is no such frame in flight
   * @throws UsageError when it is none
   */
  failFrame(frameId: number, error: Error): boolean;
  /** Facts of the session as they are now: address, identity, age, queues, bytes, results. They cost little to ask for. */
  stats(): SessionStats;
  /** What closing has cut so far, from either side; the reports of all sessions are what `NnrpServer.close` gives. */
  readonly closeReport: CloseReport;
  /** What leaving an `await using` block does: `close()`, with the defaults. */
  [ASYNC_DISPOSE](): Promise<void>;
  /** Plain facts, as logs show them: no payload, no secret. */
  toJSON(): Record<string, unknown>;
}

/** An object of the session's cache that a submit refers to. */
export interface ResolvedObject {
  readonly reference: preview3.ObjectReferenceBlock;
  /** Owned by the cache: not to be changed, nor transferred to another thread. */
  readonly bytes: BodyBytes;
}

/**
 * One submitted unit of work on the server, from its arrival to its one terminal answer: what a handler holds, and what
 * `receiveSubmit` hands out.
 */
export interface OperationContext extends NnrpSubmit {
  readonly session: NnrpServerSession;
  /** Milliseconds granted for the work, 0 = any; from when the client has said so last, where it has changed it. */
  readonly deadlineMs: number;
  /** Objects of the session's cache that the submit refers to, in the order of its references. */
  readonly objects: readonly ResolvedObject[];
  readonly frameId: number;
  /** Operation id on the wire: preview4 names operations apart from frames, in preview3 both are the same. */
  readonly id: bigint;
  /** What the client has said of its priority since; undefined before that, and over preview3. */
  readonly priority: OperationPriority | undefined;
  /** The same of what the work may cost. */
  readonly budget: OperationBudget | undefined;
  /** @throws UsageError when the memory of the submit was transferred to another thread before */
  readonly metadata: preview3.FrameSubmit;
  /**
   * The body as it came, lent and not copied: it stays valid while held, and keeps the chunk it lies in alive. Other
   * packets may lie in that chunk, so it cannot be transferred to another thread: transfer a copy (`bytes()`).
   * It may begin at any byte of that chunk, also at an odd one: see `bytes` for what is to be read as numbers. Whether it is
   * a region body is between client and application; see `payloadFrames`.
   */
  readonly body: BodyBytes;
  /** The body as text. Invalid UTF-8 becomes U+FFFD. */
  text(): string;
  /**
   * The body as a value. While the handler runs, each object, list and member counts once as 64 bytes more that it holds.
   * @throws UsageError when it is no JSON, or one of more than a million of them or 128 levels
   */
  json<Value = unknown>(): Value;
  /**
   * A copy of the body: the caller's own, to be changed or transferred to another thread. It lies at the beginning of its
   * memory, so a typed array of any kind may lie over it, such as `new Float32Array(operation.bytes().buffer)`.
   */
  bytes(): OwnBytes;
  /**
   * The typed payload frames of a region body, not copied; decoded each time.
   * @throws WireError when the body is no region body or breaks its rules
   * @see NNRP/1-preview3 section 10
   */
  readonly payloadFrames: readonly preview3.TypedPayloadFrame[];
  readonly traceId: bigint;
  /** Header route id, which the client has given as `routeId`; 0 = none. */
  readonly routeId: number;
  /** Bytes of the submit on the wire. */
  readonly byteLength: number;
  /** How far the work is. */
  readonly state: preview3.OperationState;
  /** Whether the frame has had its terminal answer, or needs none any more. */
  readonly isOver: boolean;
  /**
   * Aborts when the work is not wanted any more. Its reason says why: CancelledError (the client cancelled),
   * DeadlineError, ClosedError (session or connection closed), TransportError (connection lost) or ProtocolError (the client
   * broke a rule that cost it the session). It never aborts after a terminal answer. Each listener is called in the async
   * context (AsyncLocalStorage) in which it was added; what it throws, or its promise rejects with, is told by the event
   * `handlerFailure`. Not so the listeners of signals derived from this one: there it ends the process.
   */
  readonly signal: AbortSignal;
  /**
   * Throws the reason when the work is not wanted any more: what `signal.throwIfAborted()` does, without the signal,
   * whose making costs more than a short operation (2 microseconds in Node 20).
   */
  throwIfAborted(): void;
  /** Why the work is not wanted any more; undefined while it is, and after an answer of the handler's own. */
  readonly abortReason: NnrpError | undefined;
  /** Resolves when the operation is over, whatever its end. A handler that answers later returns this. */
  readonly finished: Promise<void>;
  /**
   * Sends a partial result.
   *
   * @param partial - bytes or text, with metadata if need be; more than 16 KiB of bytes are lent, not copied: when they
   * are transferred or resized before they have left, the frame fails with UsageError
   * @returns resolves when there is room for more: the client reads slowly, or has asked to pause
   * @throws (as a rejection) the abort reason when the work is not wanted any more, UsageError after a terminal answer,
   * WireError when the metadata is refused
   */
  push(partial: ResultValue): Promise<void>;
  /** Sends the last result, an empty one by default. Rejects like `push`. */
  complete(result?: ResultValue): Promise<void>;
  /** Answers that there is no result. Rejects like `push`, and with UsageError when preview3 has to say a reason. */
  drop(options?: DropOptions): Promise<void>;
  /**
   * Says how far the work is.
   * @returns false when the connection is full
   * @throws UsageError over preview3, the abort reason when the work is not wanted any more
   */
  progress(progress: ProgressInit): boolean;
  /**
   * Says that the work waits for a tool: its state is waiting_tool until `resumeWork`, or the next result.
   * @throws UsageError when it does not run, the abort reason when it is not wanted any more
   */
  waitForTool(): void;
  /** The tool has answered. @throws UsageError when the work waits for none */
  resumeWork(): void;
  /**
   * Says what the work belongs to, for `cancelOperations` of a subtree or a group. Nothing on the wire of preview3 does.
   *
   * @param relation - the frame it is part of, a group of the application's own choice, or both
   * @throws UsageError for a frame that was never submitted, a circle, group 0, or another relation
   */
  relate(relation: { readonly parentFrameId?: number; readonly groupId?: number }): void;
  /** Plain facts, as logs show them: no payload, no secret. */
  toJSON(): Record<string, unknown>;
}
