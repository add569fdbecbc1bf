import { describeFault, type Packet, ProtocolError, UsageError } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { ErrorCode, MessageType } from 'nnrp-core/preview3';
import * as preview4 from 'nnrp-core/preview4';
import { optionTable, U32, U64 } from '../../base/option-kinds.js';
import { readValues } from '../../base/options.js';
import { SESSION_MIGRATE_ACK } from '../../connection/sending/codecs.js';
import { REQUEST_BYTES, type RequestBytes, UnansweredRequests } from '../bounds/unanswered-requests.js';
import type { MigrateAckInit } from '../contract/contract.js';
import type { NnrpMigration } from '../contract/server-messages.js';
import type { FrameFailure } from '../failures/frame-failure.js';
import { answeredByError, type RequestSession } from './request-failure.js';

/** What the migrations of a session need of it. */
export interface MigrationsOwner extends RequestSession {
  readonly isOver: boolean;
  readonly ack: { readonly resumeTokenBytes: number };
  readonly config: { readonly migrationGraceMs: number };
  /** Takes the requests that have come. */
  readonly receiver: { migrate(migration: NnrpMigration): void };
}

const MIGRATE_ACK_FIELDS = optionTable<preview3.SessionMigrateAck>({
  acceptCode: U32,
  resumeFromFrameId: U64,
  graceWindowMs: U32,
  serverMigrateTsUs: U64,
});

/** SESSION_MIGRATE: requests to move to another transport, from their arrival to their answer. */
export class SessionMigrations {
  private readonly pending: UnansweredRequests<NnrpMigration>;
  /** Until when the client may move, in milliseconds of `performance.now()`. */
  private agreedUntilMs = 0;

  /** @param maxBytes - that those without an answer may hold before the connection is not read any more */
  constructor(
    private readonly owner: MigrationsOwner,
    maxBytes: number,
  ) {
    this.pending = new UnansweredRequests(owner.connection, maxBytes);
  }

  /** Requests without an answer. */
  get size(): number {
    return this.pending.size;
  }

  /** The one that has waited longest. */
  get oldest(): NnrpMigration | undefined {
    return this.pending.oldest;
  }

  /** The client goes on over another transport. @returns whether it has leave, which is good for once */
  useLeave(): boolean {
    const hasLeave = performance.now() < this.agreedUntilMs;
    this.agreedUntilMs = 0;
    return hasLeave;
  }

  /**
   * The answer where the application does not decide: the client may move when its session can be resumed, and to another
   * transport only (MIG-3).
   */
  undecided({ metadata: { oldTransportId, newTransportId } }: NnrpMigration): MigrateAckInit {
    const { ack, config } = this.owner;
    const { migrationGraceMs: graceWindowMs } = config;
    const mayMove = ack.resumeTokenBytes > 0 && graceWindowMs > 0 && oldTransportId !== newTransportId;
    return mayMove ? { acceptCode: 0, graceWindowMs } : {};
  }

  received(packet: Packet): void {
    const { owner } = this;
    // Of either revision: preview4 names more transports.
    const metadata = preview4.decodeSessionMigrate(packet.view, packet.metadataStart) as preview3.SessionMigrate;
    const migration = { metadata };
    // What is read while the session ends is answered by its end.
    if (owner.isOver) return;
    this.pending.add(migration, REQUEST_BYTES);
    owner.receiver.migrate(migration);
  }

  /**
   * @returns whether there is room for more
   * @throws UsageError when the request has an answer, or on an unknown field, or when an acceptance breaks MIG-3 or MIG-4
   */
  answer(request: NnrpMigration, ack: MigrateAckInit): boolean {
    if (!this.pending.has(request))
      throw new UsageError(`session ${this.owner.sessionId}: the migration does not wait for an answer`);
    const metadata = migrateAck(request, ack);
    checkMigrateAck(request, metadata);
    const room = this.send(metadata);
    if (metadata.acceptCode === 0) this.agreedUntilMs = performance.now() + metadata.graceWindowMs;
    this.pending.answered(request);
    return room;
  }

  /**
   * Answers a request whose handler has failed: by an ERROR that says so, or to a client that does not understand it by a
   * refusal whose accept_code is the error code.
   *
   * @returns false when the request has an answer already
   */
  failed(migration: NnrpMigration, failure: FrameFailure): boolean {
    if (!this.pending.answered(migration)) return false;
    if (!answeredByError(this.owner, 'SESSION_MIGRATE', failure))
      this.send(migrateAck(migration, { acceptCode: failure.wireCode }));
    return true;
  }

  /** The session has another connection, or none for now. */
  moveTo(counted: RequestBytes): void {
    this.pending.moveTo(counted);
  }

  /** The session is over. */
  end(): void {
    this.pending.end();
  }

  private send(ack: preview3.SessionMigrateAck): boolean {
    const { sessionId, lane, connection } = this.owner;
    return connection.send(MessageType.SessionMigrateAck, sessionId, 0, SESSION_MIGRATE_ACK, ack, undefined, lane);
  }
}

const LAST_FRAME_ID = 0xffff_ffff_ffff_ffffn;

/** The complete answer to a migration request. */
function migrateAck({ metadata }: NnrpMigration, given: MigrateAckInit): preview3.SessionMigrateAck {
  const init = readValues('migrate ack', given, MIGRATE_ACK_FIELDS);
  const { lastResultFrameId } = metadata;
  return {
    acceptCode: 1,
    // After the last frame that the field has room for there is none to go on with; the refusal still has to be sent.
    resumeFromFrameId: lastResultFrameId === LAST_FRAME_ID ? LAST_FRAME_ID : lastResultFrameId + 1n,
    graceWindowMs: 0,
    serverMigrateTsUs: BigInt(Math.round(performance.timeOrigin * 1000 + performance.now() * 1000)),
    ...init,
  };
}

/**
 * @throws UsageError when an acceptance breaks MIG-3 or MIG-4 against its request
 */
function checkMigrateAck({ metadata }: NnrpMigration, ack: preview3.SessionMigrateAck): void {
  // A refusal may be sent for any request, also for one between equal transports.
  if (ack.acceptCode !== 0) return;
  const fault = preview3.checkMigration(metadata, ack);
  if (fault === undefined) return;
  const rule = fault.kind === 'invalid_combination' ? fault.rule : fault.kind;
  throw new UsageError(`sendMigrateAck: ${describeFault(fault)}`, {
    cause: new ProtocolError(`SESSION_MIGRATE_ACK breaks ${rule}`, ErrorCode.InvalidState, fault),
  });
}
