import { markAsUntransferable } from 'node:worker_threads';
import { describeFault, ObjectCache, type ObjectIdentity, type Packet, type SchemaRegistry } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { CacheAckStatus, CacheObjectKind, ErrorCode, SessionFlagsAck } from 'nnrp-core/preview3';
import type { BodyBytes } from '../../connection/body/body-reading.js';
import { SharedBudget } from '../bounds/shared-budget.js';
import type { ResolvedObject } from '../contract/contract.js';
import type { BoundName, ServerBounds } from '../contract/server-bounds.js';
import type { NnrpServerConfig } from '../contract/server-config.js';
import { PREVIEW3_BODIES, type SubmitBodies } from '../operation/bodies/submit-bodies.js';
import { objectIdentity } from './object-identity.js';

const SCHEMA_KINDS: readonly number[] = [CacheObjectKind.ToolSchema, CacheObjectKind.StructuredEventSchema];
const HEADER_BYTES = preview3.SCHEMA_DESCRIPTOR_HEADER_BYTES;

/** What an object or a schema costs besides its body, rounded up (measured with one object in each namespace). */
export const OBJECT_BYTES = 1024;
/** Schemas that a session may bring along. */
export const MAX_SCHEMAS = 256;

/** Why a submit's references cannot be served. */
export interface ReferenceFault {
  readonly errorCode: number;
  readonly text: string;
}

/**
 * The cached objects of one session, which no other session sees: what its client has put, what its application tracks,
 * and the schemas that the client brought along where the session may override schemas.
 */
export class SessionCache {
  /** The server's schemas and those of this session. */
  readonly schemas: SchemaRegistry;
  private readonly objects: ObjectCache;
  private readonly takesSchemas: boolean;
  private readonly isServed: boolean;
  private readonly budget: SharedBudget;
  private ownSchemas = 0;
  private isOver = false;

  /** @param shared - by the sessions of the connection */
  constructor(
    private readonly config: NnrpServerConfig,
    schemas: SchemaRegistry,
    ack: preview3.SessionOpenAck,
    shared: SharedBudget,
    private readonly bounds: Pick<ServerBounds, 'hit'>,
    private readonly bodies: SubmitBodies = PREVIEW3_BODIES,
  ) {
    this.budget = new SharedBudget('cacheBytes', config.maxCacheBytes, shared);
    this.takesSchemas = (ack.sessionFlagsAck & SessionFlagsAck.SchemaOverrideEnabled) !== 0;
    this.schemas = this.takesSchemas ? schemas.overlay(MAX_SCHEMAS) : schemas;
    this.isServed = config.supportedCacheObjects.length > 0;
    this.objects = new ObjectCache(
      {
        supportedKinds: config.supportedCacheObjects,
        maxObjects: config.maxCacheObjects,
        maxObjectBytes: config.maxCacheObjectBytes,
        // The budget knows of the schemas as well.
        maxTotalBytes: 0,
        overheadBytes: OBJECT_BYTES,
        leaseTtlMs: config.leaseTtlMs,
      },
      this.budget,
    );
  }

  /** Bytes that objects and schemas are counted as. */
  get byteLength(): number {
    return this.budget.byteLength;
  }

  /** Schemas that the client has brought along. */
  get schemaCount(): number {
    return this.ownSchemas;
  }

  /** The session is over: nothing is held for it any more. */
  end(): void {
    this.objects.clear();
    this.budget.end();
    this.isOver = true;
  }

  /** The session has another connection, or none for now. */
  moveTo(shared: SharedBudget): void {
    this.budget.moveTo(shared);
  }

  get size(): number {
    return this.objects.size;
  }

  /** @returns the bound that another object would break; undefined when it is noted */
  track(identity: ObjectIdentity): BoundName | undefined {
    const named = objectIdentity(identity, this.bodies.hasWideKeys);
    if (this.isOver || this.objects.track(named, performance.now())) return undefined;
    return this.full(0);
  }

  /** CACHE_PUT: the complete answer. */
  put(put: preview3.CachePut, body: Uint8Array): preview3.CacheAck {
    if (!this.takesSchemas || !SCHEMA_KINDS.includes(put.objectKind)) return this.store(put, body);
    const installed = this.installSchema(body);
    if ('errorCode' in installed) return this.rejected(put, installed.errorCode);
    const ack = this.store(put, body);
    // What is not kept must not be named either.
    if (ack.status === CacheAckStatus.Rejected && installed.isNew) {
      const { schemaId, schemaVersion, bodyBytes } = installed.header;
      this.schemas.invalidate(schemaId, schemaVersion);
      this.ownSchemas--;
      this.budget.add(-OBJECT_BYTES - bodyBytes);
    }
    return ack;
  }

  /** CACHE_INVALIDATE. @returns how many objects are gone */
  invalidate(message: preview3.CacheInvalidate): number {
    return this.objects.invalidate(message).length;
  }

  /** Lets go of what has expired. */
  expire(): void {
    this.objects.expire(performance.now());
  }

  /** The object, while its lease lasts; its bytes are not to be changed. */
  get(identity: ObjectIdentity): Uint8Array | undefined {
    const found = this.objects.lookup(objectIdentity(identity, this.bodies.hasWideKeys), performance.now());
    return 'object' in found ? found.object.body : undefined;
  }

  /**
   * The objects that a submit of reference or mixed mode names.
   *
   * A body that has no regions names none: it is the application's own, as long as this server serves no cache at all.
   *
   * @see NNRP/1-preview3 section 10.3
   */
  resolve(packet: Packet): { readonly objects: readonly ResolvedObject[] } | ReferenceFault {
    const metadata = this.bodies.decodeFrameSubmit(packet.view, packet.metadataStart);
    const { body } = packet;
    const fault = this.bodies.checkBody(body, metadata);
    if (fault !== undefined) {
      if (!this.isServed) return { objects: [] };
      return { errorCode: ErrorCode.MalformedBody, text: `FRAME_SUBMIT body: ${describeFault(fault)}` };
    }
    const objects: ResolvedObject[] = [];
    for (const reference of this.bodies.decodeBody(body, metadata).objectReferences) {
      const found = this.objects.lookup(reference, performance.now());
      if ('errorCode' in found) return { errorCode: found.errorCode, text: missText(reference, found.errorCode) };
      objects.push({ reference, bytes: (found.object.body ?? NO_BYTES) as BodyBytes });
    }
    return { objects };
  }

  /** The cache keeps a copy, which the application may look at but not transfer away. */
  private store(put: preview3.CachePut, body: Uint8Array): preview3.CacheAck {
    const { ack } = this.objects.put(put, body, performance.now());
    if (ack.detailCode === ErrorCode.LimitExceeded && !this.isTooLarge(body)) this.full(body.length);
    const stored = ack.status === CacheAckStatus.Rejected ? undefined : this.get(put);
    if (stored !== undefined && stored.length > 0) markAsUntransferable(stored.buffer);
    return ack;
  }

  private installSchema(
    body: Uint8Array,
  ): { readonly header: preview3.SchemaDescriptorHeader; readonly isNew: boolean } | { readonly errorCode: number } {
    const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
    if (preview3.checkSchemaDescriptorHeader(view) !== -1) return { errorCode: ErrorCode.MalformedBody };
    const header = preview3.decodeSchemaDescriptorHeader(view);
    const isKnown = this.schemas.has(header.schemaId, header.schemaVersion);
    const bytes = OBJECT_BYTES + header.bodyBytes;
    // A body of another length is refused for that.
    const isWhole = body.length - HEADER_BYTES === header.bodyBytes;
    const lacking = isKnown || !isWhole ? undefined : this.budget.lacking(bytes);
    if (lacking !== undefined) {
      this.bounds.hit(lacking);
      return { errorCode: ErrorCode.LimitExceeded };
    }
    const outcome = this.schemas.install(header, body.subarray(HEADER_BYTES));
    if (outcome.outcome === 'refused') {
      if (!isKnown && isWhole && this.ownSchemas >= MAX_SCHEMAS) this.bounds.hit('schemas');
      return { errorCode: outcome.errorCode };
    }
    const isNew = outcome.outcome !== 'already_installed';
    if (isNew) {
      this.ownSchemas++;
      this.budget.add(bytes);
    }
    return { header, isNew };
  }

  private isTooLarge({ length }: Uint8Array): boolean {
    const { maxCacheObjectBytes } = this.config;
    return maxCacheObjectBytes !== 0 && length > maxCacheObjectBytes;
  }

  /** There was no room for an object. @returns the bound that it would have broken */
  private full(bodyBytes: number): BoundName {
    const name = this.budget.lacking(OBJECT_BYTES + bodyBytes) ?? 'cacheObjects';
    this.bounds.hit(name);
    return name;
  }

  private rejected(put: preview3.CachePut, detailCode: number): preview3.CacheAck {
    return {
      cacheNamespace: put.cacheNamespace,
      cacheKeyHi: put.cacheKeyHi,
      cacheKeyLo: put.cacheKeyLo,
      status: CacheAckStatus.Rejected,
      acceptedTtlMs: 0,
      maxObjectBytes: this.objects.limits.maxObjectBytes,
      detailCode,
    };
  }
}

const NO_BYTES = new Uint8Array(0);

function missText(reference: preview3.ObjectReferenceBlock, errorCode: number): string {
  const { objectKind, cacheNamespace, cacheKeyHi, cacheKeyLo } = reference;
  const why = errorCode === preview3.CacheErrorCode.CacheMiss ? 'not in the cache' : `0x${errorCode.toString(16)}`;
  return `object kind ${objectKind}, namespace ${cacheNamespace}, key ${cacheKeyHi}:${cacheKeyLo}: ${why}`;
}
