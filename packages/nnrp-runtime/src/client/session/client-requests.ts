import {
  describeFault,
  FlowBlockedError,
  forCaller,
  type NnrpError,
  type Packet,
  ProtocolError,
  UsageError,
} from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { ErrorCode, MessageType } from 'nnrp-core/preview3';
import { described } from '../../base/application/described.js';
import { EMPTY_BYTES } from '../../base/bytes.js';
import { oneOf, optionTable, U64 } from '../../base/option-kinds.js';
import { checkNeeded, checkOptions, readOptions } from '../../base/options.js';
import { rejection, SETTLED } from '../../base/promises/settled.js';
import { type BodyInput, unlentBytes } from '../../connection/body/body-bytes.js';
import type { BodyBytes } from '../../connection/body/body-reading.js';
import type { AnsweredRequest } from '../../connection/errors/error-details.js';
import { SESSION_MIGRATE, SESSION_PATCH } from '../../connection/sending/codecs.js';
import type { MetadataCodec } from '../../connection/sending/outbound-message.js';
import type { Lane } from '../../connection/sending/outbox.js';
import { bodyMismatch } from '../failures/peer-error.js';
import { type CachePutWords, type CacheWords, cacheWords } from '../requests/cache-words.js';
import { callTimeoutMs, type RequestOptions } from '../requests/call-options.js';
import { PendingRequests, type SendWindow } from '../requests/pending-requests.js';
import {
  type CacheObjectInit,
  type CacheSelector,
  type NnrpPatchAck,
  type PatchFields,
  sessionPatch,
} from '../requests/request-messages.js';
import type { ClientSessionConnection } from '../submits/client-session-connection.js';

/**
 * Patches, and moves, of one session on the wire at once. Servers of this implementation take 64 before they stop reading,
 * those that were given up included.
 */
const WINDOW = { requests: 16, places: 64 };
/** Puts of one session on the wire at once: a server answers each as it reads it. */
const PUT_WINDOW = { requests: 1024, places: 2048 };
/** What a request that waits for its turn holds besides its body (measured, rounded up). */
const REQUEST_BYTES = 2048;

/** What comes of an answer: it was taken, no request waits for it, or it breaks a rule. */
export type AnswerOutcome = 'taken' | 'stray' | ProtocolError;

/** The requests of one session and their answers: patches, moves and cache objects, several of each at once. */
export class ClientRequests {
  private readonly patches: PendingRequests<undefined, NnrpPatchAck>;
  private readonly moves: PendingRequests<preview3.SessionMigrate, preview3.SessionMigrateAck>;
  private readonly puts: PendingRequests<CachePutWords, preview3.CacheAck>;
  private readonly cache: CacheWords;
  private reason: NnrpError | undefined;

  constructor(
    private readonly connection: ClientSessionConnection,
    private readonly sessionId: number,
    private readonly lane: Lane,
  ) {
    const window: SendWindow = { ...WINDOW, hold: (bytes) => connection.requestsRetain(bytes) };
    this.patches = new PendingRequests('SESSION_PATCH', connection.unread, connection, window);
    this.moves = new PendingRequests('SESSION_MIGRATE', connection.unread, connection, window);
    const putWindow = { ...window, ...PUT_WINDOW };
    this.cache = cacheWords(connection.dialect.isPreview4);
    this.puts = new PendingRequests<CachePutWords, preview3.CacheAck>(
      'CACHE_PUT',
      connection.unread,
      connection,
      putWindow,
      keyOf,
    );
  }

  patch(fields: PatchFields, profilePatch?: BodyInput, options?: RequestOptions): Promise<NnrpPatchAck> {
    return this.request(
      () => {
        const block = profilePatch === undefined ? undefined : this.bytesFor(this.patches, profilePatch);
        const patch = sessionPatch(fields, block?.length);
        const send = this.sender(MessageType.SessionPatch, SESSION_PATCH, patch, block);
        return this.patches.ask(undefined, this.timeoutMs(options), send, REQUEST_BYTES + (block?.length ?? 0));
      },
      fields,
      profilePatch,
      options,
    );
  }

  migrate(given: preview3.SessionMigrate, options?: RequestOptions): Promise<preview3.SessionMigrateAck> {
    return this.request(
      () => {
        // A copy: the answer is checked against what was asked for.
        const request = readOptions(
          'migration request',
          checkNeeded('migration request', given, MIGRATE_FIELDS, [...MIGRATE_FIELDS.keys()]),
          MIGRATE_FIELDS,
        );
        if (request.oldTransportId === request.newTransportId) {
          throw new UsageError(
            `SESSION_MIGRATE: both transports are ${request.oldTransportId} (MIG-3, see nnrp-core/docs/rules.md#mig-3)`,
          );
        }
        const send = this.sender(MessageType.SessionMigrate, SESSION_MIGRATE, request, EMPTY_BYTES);
        return this.moves.ask(request, this.timeoutMs(options), send, REQUEST_BYTES);
      },
      given,
      options,
    );
  }

  putObject(object: CacheObjectInit, bytes: BodyInput, options?: RequestOptions): Promise<preview3.CacheAck> {
    return this.request(
      () => {
        const body = this.bytesFor(this.puts, bytes);
        const put = this.cache.putOf(object, body.length);
        const send = this.sender(MessageType.CachePut, this.cache.put, put, body);
        return this.puts.ask(put, this.timeoutMs(options), send, REQUEST_BYTES + body.length);
      },
      object,
      bytes,
      options,
    );
  }

  /** There is no answer to it: resolves when there is room to send more. */
  invalidateObjects(selector: CacheSelector): Promise<void> {
    return this.request(() => {
      const message = this.cache.invalidateOf(selector);
      const { connection, sessionId, lane } = this;
      const room = connection.send(CacheInvalidate, sessionId, 0, this.cache.invalidate, message, EMPTY_BYTES, lane);
      return room ? SETTLED : connection.whenDrained(lane);
    }, selector);
  }

  patchAnswered(ack: preview3.SessionPatchAck, packet: Packet): AnswerOutcome {
    const mismatch = bodyMismatch('SESSION_PATCH_ACK', ack.profilePatchAckBytes, packet.bodyLength);
    if (mismatch !== undefined) return this.patches.reject(mismatch) ? mismatch : 'stray';
    return this.patches.answered(described({ ...ack, body: packet.body as BodyBytes })) ? 'taken' : 'stray';
  }

  migrateAnswered(ack: preview3.SessionMigrateAck): AnswerOutcome {
    const request = this.moves.first();
    if (request === undefined) return 'stray';
    // A refusal moves nothing, so its cursor means nothing.
    const fault = ack.acceptCode === 0 ? preview3.checkMigration(request, ack) : undefined;
    if (fault === undefined) return this.moves.answered(described(ack)) ? 'taken' : 'stray';
    const error = new ProtocolError(`SESSION_MIGRATE_ACK: ${describeFault(fault)}`, ErrorCode.InvalidState, fault);
    return this.moves.reject(error) ? error : 'stray';
  }

  cacheAnswered(ack: preview3.CacheAck): AnswerOutcome {
    return this.puts.answered(described(ack), keyOf(ack)) ? 'taken' : 'stray';
  }

  /** The server reports a failure of the session: when one request alone is without its answer, this is it. */
  rejectOnly(error: NnrpError): void {
    if (this.patches.waiting + this.moves.waiting + this.puts.waiting !== 1) return;
    for (const kind of [this.patches, this.moves, this.puts]) if (kind.waiting === 1) kind.reject(forCaller(error));
  }

  /** The server answers the oldest request of a kind by an ERROR. */
  failed(request: AnsweredRequest, error: NnrpError): void {
    const kind = request === 'SESSION_PATCH' ? this.patches : this.moves;
    kind.reject(error);
  }

  /** No new requests: what waits for its turn is refused. */
  rejectUnsent(reason: NnrpError): void {
    for (const kind of [this.patches, this.moves, this.puts]) kind.rejectUnsent(reason);
  }

  /** @param refusal - of later requests */
  end(reason: NnrpError, refusal: NnrpError = reason): void {
    this.reason = refusal;
    for (const kind of [this.patches, this.moves, this.puts]) kind.end(reason);
  }

  /**
   * What sends a request when its turn comes. It keeps the body that is sent, and nothing that the application has given.
   * @throws WireError when the metadata does not fit
   */
  private sender<T>(
    messageType: preview3.MessageType,
    codec: MetadataCodec<T>,
    metadata: T,
    body: Uint8Array | undefined,
  ): () => void {
    checkMetadata(codec, metadata);
    const { connection, sessionId, lane } = this;
    return () => connection.send(messageType, sessionId, 0, codec, metadata, body, lane);
  }

  /** The application goes on with what it has given: what is sent later is a copy. */
  private bytesFor(requests: { readonly isFull: boolean }, given: BodyInput): Uint8Array {
    const bytes = unlentBytes(given);
    return requests.isFull && typeof given !== 'string' ? new Uint8Array(bytes) : bytes;
  }

  private timeoutMs(options: RequestOptions | undefined): number {
    if (options !== undefined) checkOptions('request options', options, REQUEST_OPTIONS);
    return callTimeoutMs(options?.timeoutMs, this.connection.config.requestTimeoutMs);
  }

  private request<T>(ask: () => Promise<T>, ...given: unknown[]): Promise<T> {
    if (this.reason !== undefined) return rejection(forCaller(this.reason), ...given);
    const { isFullOfRequests, recovery } = this.connection;
    if (isFullOfRequests || recovery?.sessions.get(this.sessionId)?.isFull) {
      const text = `session ${this.sessionId}: the server reads too slowly, and too much waits to be sent already`;
      return rejection(new FlowBlockedError(text, 'connection_full'), ...given);
    }
    try {
      return ask();
    } catch (error) {
      return rejection(error, ...given);
    }
  }
}

type CacheKey = Pick<CachePutWords, 'cacheNamespace' | 'cacheKeyHi' | 'cacheKeyLo'>;
const { CacheInvalidate } = MessageType;

/** What an answer to a put says of it. With signs in it: the language hashes digits alone without a seed. */
function keyOf({ cacheNamespace, cacheKeyHi, cacheKeyLo }: CacheKey): string {
  // As it is asked for over preview4.
  const low = typeof cacheKeyLo === 'bigint' ? cacheKeyLo : (BigInt(cacheKeyHi) << 32n) + BigInt(cacheKeyLo);
  return `${cacheNamespace}:${typeof cacheKeyLo === 'bigint' ? cacheKeyHi : 0}:${low}`;
}

/** What does not fit is refused at the call, also when it is to be sent later. @throws WireError */
function checkMetadata<T>(codec: MetadataCodec<T>, value: T): void {
  codec.encode(value, SCRATCH, 0);
}

/** Of their metadata, those of CACHE_PUT in preview4 included. */
const MAX_REQUEST_BYTES = 64;
const SCRATCH = new DataView(new ArrayBuffer(MAX_REQUEST_BYTES));
const REQUEST_OPTIONS: ReadonlySet<string> = new Set(['timeoutMs']);
const MIGRATE_FIELDS = optionTable<preview3.SessionMigrate>({
  oldTransportId: oneOf('TransportId', preview3.TransportId),
  newTransportId: oneOf('TransportId', preview3.TransportId),
  lastResultFrameId: U64,
  clientMigrateTsUs: U64,
});
