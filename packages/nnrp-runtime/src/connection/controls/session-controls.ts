import { UsageError } from 'nnrp-core';
import type * as preview4 from 'nnrp-core/preview4';
import { TRACE_CONTEXT_TYPE } from '../codes/preview4-codes.js';
import type { Dialect } from '../revision/dialect.js';
import type { Lane } from '../sending/outbox.js';
import type { SessionConnection } from '../session-endpoint.js';
import type { ControlKind } from './control-kind.js';
import { type ControlInit, controlMessage } from './control-messages.js';
import { needsPreview4, preview4Words } from './loaded-preview4.js';
import { type ObjectEntry, ObjectTable } from './object-table.js';
import type { Preview4Words } from './preview4-words.js';

/** What these calls need of a session, of either role. */
export interface ControlledSession {
  readonly sessionId: number;
  readonly dialect: Dialect;
  readonly lane: Lane;
  readonly connection: Pick<SessionConnection, 'send'>;
  /** This side, as `sourceRole` and the like say it. */
  readonly role: preview4.RuntimeRole;
  /** @throws the reason when the session is over */
  requireOpen(): void;
}

/** An operation that a message may be about. */
export interface ControlTarget {
  readonly frameId: number;
  /** The operation id. */
  readonly id: bigint;
  /** Whether it has its last answer. */
  readonly isOver?: boolean | undefined;
}

/** What is said of capabilities: tokens out of CAPABILITY_TOKENS, and what they cost. */
export interface CapabilityInit
  extends Omit<ControlInit<preview4.Capability>, 'capabilityCount' | 'bodyBytes' | 'body'> {
  readonly capabilities?: readonly string[] | undefined;
}

/** A patch or a delta: data for the application, and the changed bytes. */
export interface ObjectChangeInit
  extends Omit<ControlInit<preview4.ObjectDelta>, 'deltaBytes' | 'metadataBytes' | 'body'> {
  readonly metadata?: Uint8Array | undefined;
  readonly delta?: Uint8Array | undefined;
}

const SESSION: ControlTarget = Object.freeze({ frameId: 0, id: 0n });

/**
 * What only preview4 can say about a session. Each call throws UsageError where the session speaks preview3, and on a field that
 * does not exist; WireError on a value that the message cannot have. It returns false when the connection is full.
 */
export class SessionControls {
  /** The objects that the two sides of the session have declared. */
  readonly objects: ObjectTable;

  constructor(private readonly session: ControlledSession) {
    this.objects = new ObjectTable();
  }

  /** Says what this side can do, or asks for it. */
  negotiate(init: CapabilityInit): boolean {
    return this.capabilities(this.words.kinds.CAPABILITY_NEGOTIATION, init);
  }

  /** Falls back to less, or to another profile. */
  degrade(init: CapabilityInit): boolean {
    return this.capabilities(this.words.kinds.DEGRADE_PROFILE, init);
  }

  /** Asks the peer to slow down; the level is soft where none is given. */
  backpressure(init: ControlInit<preview4.Pressure> = {}): boolean {
    const { pressureLevel = this.words.PressureLevel.Soft } = init;
    return this.send(this.words.kinds.BACKPRESSURE, { ...init, pressureLevel });
  }

  /** Says how many operations the peer may have in flight. */
  credit(init: ControlInit<preview4.Pressure>): boolean {
    return this.send(this.words.kinds.CREDIT_UPDATE, init);
  }

  /** Says which trace and span the work belongs to; of the session, since an operation may end while it is under way. */
  traceContext(init: ControlInit<preview4.TraceContext>): boolean {
    return this.send(this.words.kinds.TRACE_CONTEXT, init);
  }

  /** Of an operation that is over nothing is sent, here and in the next two: a reference client ends the session for it. */
  routeHint(init: ControlInit<preview4.RouteHint>, target: ControlTarget = SESSION): boolean {
    return this.send(this.words.kinds.ROUTE_HINT_MESSAGE, init, target);
  }

  executionHint(init: ControlInit<preview4.RouteHint>, target: ControlTarget = SESSION): boolean {
    return this.send(this.words.kinds.EXECUTION_HINT, init, target);
  }

  /** Replaces the remaining budget, or adds to it, as the flags say. */
  budget(init: ControlInit<preview4.Budget>, target: ControlTarget = SESSION): boolean {
    return this.send(this.words.kinds.BUDGET_UPDATE, init, target);
  }

  /** How far an operation is. Of one that is over nothing is sent: from 4.25 on the reference ends a session for that. */
  progress(init: ControlInit<preview4.Progress>, target: ControlTarget): boolean {
    return this.send(this.words.kinds.PROGRESS, init, target);
  }

  /** An error that ends nothing. */
  recoverableError(init: ControlInit<preview4.ErrorRecoverable>): boolean {
    const { sessionId, role } = this.session;
    const { relatedFrameId = 0, relatedSessionId = sessionId, sourceRole = role } = init;
    const target = { frameId: relatedFrameId, id: 0n };
    return this.send(this.words.kinds.ERROR_RECOVERABLE, { ...init, relatedSessionId, sourceRole }, target);
  }

  /** Asks the peer to wait before it tries again: so long, and up to `jitterMs` more, which it draws at random. */
  retryAfter(init: ControlInit<preview4.RetryAfter>): boolean {
    const { sourceRole = this.session.role } = init;
    return this.send(this.words.kinds.RETRY_AFTER, { ...init, sourceRole });
  }

  /** Names an object of the cache. */
  cacheReference(init: ControlInit<preview4.CacheReference>): boolean {
    return this.send(this.words.objects.CACHE_REFERENCE, init);
  }

  /** Says that an object which the peer has named is not there. */
  cacheMiss(init: ControlInit<preview4.CacheMiss>): boolean {
    return this.send(this.words.objects.CACHE_MISS, init);
  }

  /** @throws UsageError when the id is declared already, or the table is full */
  declareObject(init: ControlInit<preview4.ObjectDescriptor>): boolean {
    const { sessionId, role } = this.session;
    const { producerRole = role } = init;
    const { OBJECT_DECLARE } = this.words.objects;
    const message = controlMessage(OBJECT_DECLARE, { ...init, producerRole }, { sessionId });
    const issue = this.objects.declared(message.metadata, 'self', performance.now());
    if (issue !== undefined) throw new UsageError(`objectDeclare: object ${message.metadata.objectId}: ${issue}`);
    return this.transmit(OBJECT_DECLARE, message.metadata, message.body, 0);
  }

  /** For the session where the operation is over. @throws UsageError when there is no such object */
  referObject(init: ControlInit<preview4.ObjectReference>, target: ControlTarget = SESSION): boolean {
    const entry = this.known(init.objectId ?? 0n);
    const room = this.send(this.words.objects.OBJECT_REF, init, unlessOver(target));
    // The peer counts it as well: a release of either side takes it back on both.
    entry.references++;
    return room;
  }

  /** For the session where the operation is over. @throws UsageError when there is no such object */
  releaseObject(init: ControlInit<preview4.ObjectRelease>, target: ControlTarget = SESSION): boolean {
    const { sourceRole = this.session.role, flags = this.words.ObjectReleaseFlags.FinalRelease } = init;
    this.known(init.objectId ?? 0n);
    const room = this.send(this.words.objects.OBJECT_RELEASE, { ...init, sourceRole, flags }, unlessOver(target));
    this.objects.released(init.objectId ?? 0n, flags);
    return room;
  }

  patchObject(init: ObjectChangeInit): boolean {
    return this.changed(this.words.objects.OBJECT_PATCH, init);
  }

  /** The next delta of an object; its sequence is counted here unless it is given. */
  deltaObject(init: ObjectChangeInit): boolean {
    return this.changed(this.words.objects.OBJECT_DELTA_MESSAGE, init);
  }

  private changed<Type extends string>(
    kind: ControlKind<Type, preview4.ObjectDelta>,
    { metadata = NO_BYTES, delta = NO_BYTES, ...init }: ObjectChangeInit,
  ): boolean {
    const entry = this.known(init.objectId ?? 0n);
    const { deltaSequence = entry.sequence + 1n } = init;
    const whole = new Uint8Array(metadata.length + delta.length);
    whole.set(metadata);
    whole.set(delta, metadata.length);
    const lengths = { deltaBytes: delta.length, metadataBytes: metadata.length };
    const message = controlMessage(kind, { ...init, deltaSequence }, lengths);
    entry.sequence = deltaSequence;
    return this.transmit(kind, message.metadata, whole, 0);
  }

  private capabilities<Type extends string>(
    kind: ControlKind<Type, preview4.Capability>,
    { capabilities = [], ...init }: CapabilityInit,
  ): boolean {
    const { unknownCapabilityToken, encodeCapabilityTokens } = this.words;
    const unknown = capabilities.find((token) => unknownCapabilityToken([token]) !== undefined);
    if (unknown !== undefined) {
      throw new UsageError(`${kind.type}: capabilities take tokens out of CAPABILITY_TOKENS`);
    }
    const body = encodeCapabilityTokens(capabilities);
    const { metadata } = controlMessage(kind, { ...init, body }, { capabilityCount: capabilities.length });
    return this.transmit(kind, metadata, body, 0);
  }

  private known(objectId: bigint): ObjectEntry {
    this.ready();
    const entry = this.objects.get(objectId);
    if (entry === undefined) throw new UsageError(`there is no object ${objectId} in this session`);
    return entry;
  }

  protected send<Type extends string, M extends object>(
    kind: ControlKind<Type, M>,
    init: ControlInit<M>,
    target: ControlTarget = SESSION,
  ): boolean {
    this.ready();
    if (target.isOver === true) return true;
    const fixed = kind.operation === undefined ? {} : { [kind.operation]: target.id };
    const { metadata, body } = controlMessage(kind, init, fixed as Partial<M>);
    return this.transmit(kind, metadata, body, target.frameId);
  }

  private transmit<Type extends string, M extends object>(
    { messageType, codec }: ControlKind<Type, M>,
    metadata: M,
    body: Uint8Array,
    frameId: number,
  ): boolean {
    const { connection, sessionId, lane } = this.session;
    // Receivers compare the two.
    const trace = messageType === TRACE_CONTEXT_TYPE ? (metadata as { readonly traceId?: bigint }).traceId : 0n;
    const low = Number((trace ?? 0n) & 0xffff_ffffn);
    const high = Number((trace ?? 0n) >> 32n);
    return connection.send(messageType, sessionId, frameId, codec, metadata, body, lane, low, high);
  }

  /** @throws UsageError in preview3, and why the session is over */
  protected get words(): Preview4Words {
    this.ready();
    return preview4Words();
  }

  private ready(): void {
    const { dialect } = this.session;
    if (!dialect.isPreview4) throw needsPreview4();
    this.session.requireOpen();
  }
}

const NO_BYTES = new Uint8Array(0);

function unlessOver(target: ControlTarget): ControlTarget {
  return target.isOver === true ? SESSION : target;
}
