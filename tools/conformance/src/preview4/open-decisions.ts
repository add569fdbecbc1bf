import { SchemaRegistry } from 'nnrp-core';
import {
  decodeSessionOpen,
  encodeSessionOpen,
  SESSION_OPEN_BYTES,
  SessionErrorCode,
  type SessionOpen,
  SessionStatus,
  TOKEN_DELTA_SCHEMA,
} from 'nnrp-core/preview4';
import { NnrpServer } from 'nnrp-runtime';
import { bytesOf } from '../golden-vectors.js';
import type { NamedVector } from './named-vector.js';
import { type RawPacket, RawPeer } from './raw-peer.js';

interface StoredRecord {
  readonly active: boolean;
  readonly resume_enabled: boolean;
  readonly expired: boolean;
  readonly token_match: boolean;
}

interface OpenConfig {
  readonly supported_profiles: readonly number[];
  readonly schemas: readonly (readonly [id: number, version: number])[];
  readonly max_in_flight_operations: number;
  readonly granted_operation_credit: number;
  readonly lease_ttl_ms: number;
  readonly resume_window_ms: number;
  readonly resume_token_bytes: number;
  /** Length of the body that comes with the open. */
  readonly body_bytes: number;
}

type Fields = Readonly<Record<string, number>>;

/** A SESSION_OPEN, what the server knows when it comes, and the acknowledgement. */
export interface OpenDecision extends NamedVector {
  readonly config: OpenConfig;
  readonly records: Readonly<Record<string, StoredRecord>>;
  readonly policy_code: number;
  readonly open_hex: string;
  readonly ack_fields?: Fields;
  /** The reference ends the connection. */
  readonly no_ack?: { readonly rule: string };
}

const OPEN = 0x07;
const OPEN_ACK = 0x08;
/** The window of a server whose records are to expire, in milliseconds. */
const SHORT_WINDOW_MS = 40;

/** Fields of the acknowledgement: offset and bytes. */
const FIELDS: Readonly<Record<string, readonly [at: number, size: number]>> = {
  session_id: [0, 4],
  accepted_profile_id: [4, 2],
  accepted_priority_class: [6, 1],
  session_status: [7, 1],
  schema_id: [8, 4],
  schema_version: [12, 4],
  granted_operation_credit: [16, 2],
  max_in_flight_operations: [18, 2],
  lease_ttl_ms: [20, 4],
  resume_window_ms: [24, 4],
  resume_token_bytes: [28, 4],
  session_error_code: [48, 4],
  session_flags_ack: [52, 4],
};

/**
 * What our server has to answer: what the reference answers, save where it ends a connection or turns away a client that comes back
 * (weaknesses P-4, P-7 and P-26 of the reference).
 */
export function expectedOfOpen(decision: OpenDecision): unknown {
  const { ack_fields: fields, no_ack: dropped, config } = decision;
  if (dropped?.rule === 'OPEN-2') return 'no server is made';
  const open = openOf(decision);
  if (fields === undefined) return 'refused by its form, and the connection lives on';
  const record = decision.records[open.requestedSessionId];
  const comesBack = open.resumeTokenBytes > 0 && record?.active === true && record.resume_enabled && record.token_match;
  if (!comesBack || decision.policy_code !== 0) return fields;
  return {
    ...fields,
    session_id: open.requestedSessionId,
    session_status: SessionStatus.Resumed,
    resume_token_bytes: config.resume_token_bytes,
    session_error_code: 0,
    session_flags_ack: 1,
  };
}

/** Brings the records about on a live server, and asks it. */
export async function runOpen(decision: OpenDecision): Promise<unknown> {
  const { config, policy_code } = decision;
  const isShort = Object.values(decision.records).some(({ active, expired }) => expired && !active);
  let isDeciding = false;
  let server: NnrpServer;
  try {
    server = await NnrpServer.bindTcp('127.0.0.1:0', {
      supportedProfiles: config.supported_profiles,
      schemaRegistry: new SchemaRegistry(config.schemas.map(schemaOf)),
      maxInFlightOperations: config.max_in_flight_operations,
      grantedOperationCredit: config.granted_operation_credit,
      leaseTtlMs: config.lease_ttl_ms,
      resumeWindowMs: isShort ? SHORT_WINDOW_MS : config.resume_window_ms,
      resumeTokenBytes: config.resume_token_bytes,
      authorize: () => (isDeciding && policy_code !== 0 ? policy_code : true),
    });
  } catch (error) {
    if (String(error).includes('resumeTokenBytes')) return 'no server is made';
    throw error;
  }
  const peers: RawPeer[] = [];
  try {
    let token: Uint8Array = new Uint8Array(0);
    for (const [id, record] of Object.entries(decision.records)) {
      const peer = await RawPeer.greeted(server.localAddress);
      peers.push(peer);
      const own = await recorded(server, peer, Number(id), record);
      token = record.token_match ? own : new Uint8Array(config.body_bytes).fill(1);
    }
    isDeciding = true;
    const peer = await RawPeer.greeted(server.localAddress);
    peers.push(peer);
    peer.send(OPEN, bytesOf(decision.open_hex), bodyOf(token, config.body_bytes));
    const ack = await peer.get(OPEN_ACK);
    if (decision.no_ack !== undefined) return await formRefusal(peer, ack);
    const fields = fieldsOf(ack);
    return isShort ? { ...fields, resume_window_ms: config.resume_window_ms } : fields;
  } finally {
    for (const peer of peers) peer.end();
    await server.close({ drainTimeoutMs: 0 });
  }
}

/** A session of the id. @returns its token */
async function recorded(server: NnrpServer, peer: RawPeer, id: number, record: StoredRecord): Promise<Uint8Array> {
  peer.send(OPEN, openBytes({ requestedSessionId: id, sessionFlags: record.resume_enabled ? 1 : 0 }));
  const ack = await peer.get(OPEN_ACK);
  if (ack.sessionId !== id) throw new Error(`session ${id} was not opened`);
  if (record.active) return ack.body;
  const suspendedBefore = server.suspendedCount;
  peer.end();
  if (record.resume_enabled && !record.expired) {
    await until(() => server.suspendedCount > suspendedBefore, `session ${id} to be kept`);
  } else {
    const isHere = () => server.sessions().some((session) => session.sessionId === id);
    await until(() => !isHere(), `session ${id} to be gone`);
  }
  return ack.body;
}

async function until(isSo: () => boolean, what: string): Promise<void> {
  const end = performance.now() + 10_000;
  while (!isSo()) {
    if (performance.now() > end) throw new Error(`waited 10 s for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A refusal for what no open may be, and the same connection opens another session. */
async function formRefusal(peer: RawPeer, ack: RawPacket): Promise<unknown> {
  const { session_id, session_status, session_error_code = 0 } = fieldsOf(ack);
  const codes: readonly number[] = [SessionErrorCode.ResumeRejected, SessionErrorCode.AuthFailed];
  if (session_id !== 0 || session_status !== SessionStatus.Rejected || !codes.includes(session_error_code)) {
    return fieldsOf(ack);
  }
  peer.send(OPEN, openBytes({ requestedSessionId: 4711 }));
  const next = await peer.get(OPEN_ACK);
  return next.sessionId === 4711 ? 'refused by its form, and the connection lives on' : fieldsOf(next);
}

function bodyOf(token: Uint8Array, length: number): Uint8Array {
  if (token.length >= length) return token.subarray(0, length);
  return new Uint8Array(length).fill(1);
}

function fieldsOf({ metadata }: RawPacket): Record<string, number> {
  return Object.fromEntries(Object.entries(FIELDS).map(([name, [at, size]]) => [name, metadata.readUIntLE(at, size)]));
}

function openOf({ open_hex }: OpenDecision): SessionOpen {
  return decodeSessionOpen(new DataView(bytesOf(open_hex).buffer));
}

function openBytes(change: Partial<SessionOpen>): Uint8Array {
  const bytes = new Uint8Array(SESSION_OPEN_BYTES);
  encodeSessionOpen(
    {
      requestedSessionId: 0,
      profileId: 2,
      priorityClass: 1,
      sessionFlags: 0,
      schemaId: TOKEN_DELTA_SCHEMA.schemaId,
      schemaVersion: TOKEN_DELTA_SCHEMA.schemaVersion,
      defaultDeadlineMs: 500,
      maxInFlightOperations: 4,
      leaseTtlHintMs: 30_000,
      resumeTokenBytes: 0,
      authBytes: 0,
      sessionExtensionBytes: 0,
      clientSessionTag: 0n,
      ...change,
    },
    new DataView(bytes.buffer),
  );
  return bytes;
}

function schemaOf([schemaId, schemaVersion]: readonly [number, number]) {
  if (schemaId === TOKEN_DELTA_SCHEMA.schemaId && schemaVersion === TOKEN_DELTA_SCHEMA.schemaVersion) {
    return TOKEN_DELTA_SCHEMA;
  }
  return { ...TOKEN_DELTA_SCHEMA, schemaId, schemaVersion };
}
