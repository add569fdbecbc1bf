import { DEFAULT_MAX_PACKET_BYTES, faultAt, WireError, type WireFault } from 'nnrp-core';
import * as preview4 from 'nnrp-core/preview4';
import { STRUCTS } from 'nnrp-core/preview4/struct-table';
import { expect } from 'vitest';
import { type ByteVector, hexOf, type JsonFields, objectOf, structNamed } from '../src/golden-vectors.js';
import { describeVectors, faultOrOutcome, type Judgement, okUnless, type VectorKind } from './support/vector-suite.js';

/*
 * The vectors hold for the releases 4.22 to 4.26 of the reference. This implementation reads by the rules of the newest, so
 * what only an earlier release accepts is refused here, by the rule that the later ones added.
 */

/** Metadata, and behind it the body that it announces. */
const message: VectorKind = {
  accept(vector, bytes) {
    const { metadata, tail_hex } = vector.fields as { metadata: JsonFields; tail_hex: string };
    const struct = structNamed(STRUCTS, vector.struct);
    const packet = preview4.decodePacket(packetOf(vector, bytes));
    expect(struct.decode(packet.view, packet.metadataStart)).toStrictEqual(objectOf(struct, metadata));
    expect(hexOf(packet.body)).toBe(tail_hex);
    const again = new Uint8Array(struct.bytes);
    struct.encode(objectOf(struct, metadata), new DataView(again.buffer));
    expect(hexOf(again) + tail_hex).toBe(vector.hex);
    expect(judgeTail(vector, bytes)).toBeUndefined();
  },
  refusal(vector, bytes) {
    const decode = () => {
      const packet = preview4.decodePacket(packetOf(vector, bytes));
      if (vector.struct === 'CAPABILITY') decodeTokens(packet);
    };
    return [judgeTail(vector, bytes), decode];
  },
};

/** What a receiver finds wrong: the metadata, the length of the body, and of capabilities the body itself. */
function judgeTail(vector: ByteVector, bytes: Uint8Array): WireFault | undefined {
  const struct = structNamed(STRUCTS, vector.struct);
  const view = new DataView(bytes.buffer);
  const broken = struct.check(view);
  if (broken >= 0) return faultAt(struct.rules, broken, view, 0);
  const info = preview4.MESSAGES.find(({ metadata }) => metadata === vector.struct);
  const declared = (info?.bodyLengths ?? []).reduce((sum, { offset }) => sum + view.getUint32(offset, true), 0);
  const actual = bytes.length - struct.bytes;
  const field = info?.bodyLengths?.at(-1)?.field ?? '';
  if (declared !== actual) return { kind: 'declared_length_mismatch', field, declared, actual };
  if (vector.struct !== 'CAPABILITY') return undefined;
  const { capabilityCount } = preview4.decodeCapability(view);
  return preview4.checkCapabilityTokens(bytes.subarray(struct.bytes), capabilityCount);
}

function decodeTokens(packet: ReturnType<typeof preview4.decodePacket>): string[] {
  const { capabilityCount } = preview4.decodeCapability(packet.view, packet.metadataStart);
  return preview4.decodeCapabilityTokens(packet.body, capabilityCount);
}

/** A packet of the first message with this metadata. */
function packetOf(vector: ByteVector, bytes: Uint8Array): Uint8Array {
  const info = preview4.MESSAGES.find(({ metadata }) => metadata === vector.struct);
  if (info === undefined) throw new Error(`no message with the metadata ${vector.struct}`);
  const metadata = bytes.subarray(0, info.metadataBytes);
  const body = bytes.subarray(info.metadataBytes);
  const [head] = preview4.buildPacket({ messageType: info.code }, metadata, body);
  return new Uint8Array([...head, ...body]);
}

const capabilityTokens: VectorKind = {
  accept(vector, bytes) {
    const { capability_count, registered, extensions } = tokenContext(vector);
    const { tokens } = vector.fields as { tokens: string[] };
    expect(preview4.checkCapabilityTokens(bytes, capability_count)).toBeUndefined();
    expect(preview4.decodeCapabilityTokens(bytes, capability_count)).toEqual(tokens);
    if (registered) expect(preview4.unknownCapabilityToken(tokens, extensions)).toBeUndefined();
    expect(hexOf(preview4.encodeCapabilityTokens([...tokens].reverse()))).toBe(vector.hex);
  },
  refusal(vector, bytes) {
    const { capability_count, registered, extensions } = tokenContext(vector);
    const unknown = () => {
      const tokens = preview4.decodeCapabilityTokens(bytes, capability_count);
      return registered ? preview4.unknownCapabilityToken(tokens, extensions) : undefined;
    };
    const silent = preview4.checkCapabilityTokens(bytes, capability_count) ?? unknown();
    return [
      silent,
      () => {
        const fault = unknown();
        if (fault !== undefined) throw new WireError(fault, 'CAPABILITY_TOKENS');
      },
    ];
  },
};

interface TokenContext {
  readonly capability_count: number;
  readonly registered: boolean;
  readonly extensions: readonly string[];
}

function tokenContext({ context }: ByteVector): TokenContext {
  return context as unknown as TokenContext;
}

const recoveryTicket: VectorKind = {
  accept(vector, bytes) {
    const fields = vector.fields as Readonly<Record<string, string | number | undefined>>;
    const cursor = fields['resume_from_operation_id'];
    const ticket = preview4.decodeRecoveryTicket(bytes);
    expect({ ...ticket, token: hexOf(ticket.token) }).toStrictEqual({
      sessionId: fields['session_id'],
      resumeWindowMs: fields['resume_window_ms'],
      ...(cursor == null ? {} : { resumeFromOperationId: BigInt(cursor) }),
      token: fields['token_hex'],
    });
    expect(hexOf(preview4.encodeRecoveryTicket(ticket))).toBe(vector.hex);
  },
  refusal: (_, bytes) => [preview4.checkRecoveryTicket(bytes), () => preview4.decodeRecoveryTicket(bytes)],
};

function judge(check: string, views: readonly DataView[], messageType: number): Judgement {
  const [first, second = first] = views;
  if (first === undefined || second === undefined) throw new Error('the vector has no bytes');
  switch (check) {
    case 'recovery_request':
      return okUnless(preview4.checkRecoveryRequest(preview4.decodeSessionOpen(first)));
    case 'recovery_ack':
      return faultOrOutcome(
        preview4.recoveryOutcome(preview4.decodeSessionOpen(first), preview4.decodeSessionOpenAck(second)),
      );
    case 'migration':
      return okUnless(
        preview4.checkMigration(preview4.decodeSessionMigrate(first), preview4.decodeSessionMigrateAck(second)),
      );
    case 'hello_ack':
      return okUnless(preview4.checkHelloAck(preview4.decodeClientHello(first), preview4.decodeServerHelloAck(second)));
    case 'open_ack_install':
      return faultOrOutcome(preview4.openAckOutcome(preview4.decodeSessionOpenAck(first)));
    case 'control_request':
      return okUnless(preview4.judgeControlRequest(messageType, preview4.decodeControlRequest(first)));
    case 'scheduling':
      return okUnless(preview4.judgeScheduling(messageType, preview4.decodeScheduling(first)));
    case 'progress':
      return okUnless(preview4.judgeProgress(preview4.decodeProgress(first)));
    case 'partial_result':
      return okUnless(preview4.judgePartialResult(preview4.decodePartialResult(first)));
    case 'pressure':
      return okUnless(preview4.judgePressure(messageType, preview4.decodePressure(first)));
    case 'trace_context':
      return okUnless(preview4.judgeTraceContext(preview4.decodeTraceContext(first)));
    case 'result_drop_reason':
      return okUnless(preview4.judgeResultDropReason(preview4.decodeResultDropReason(first)));
    case 'invalidate_match': {
      const object = preview4.decodeCachePut(first);
      const isMatch = preview4.isInvalidated(
        { ...object, objectKind: object.objectKind },
        preview4.decodeCacheInvalidate(second),
      );
      return { outcome: isMatch ? 'match' : 'no_match' };
    }
    default:
      throw new Error(`no test for check ${check}`);
  }
}

const CONSTANTS: Readonly<Record<string, number | bigint>> = {
  'session_error.auth_failed': preview4.SessionErrorCode.AuthFailed,
  'session_error.profile_unsupported': preview4.SessionErrorCode.ProfileUnsupported,
  'session_error.schema_unsupported': preview4.SessionErrorCode.SchemaUnsupported,
  'session_error.priority_rejected': preview4.SessionErrorCode.PriorityRejected,
  'session_error.resume_rejected': preview4.SessionErrorCode.ResumeRejected,
  'session_error.limit_reached': preview4.SessionErrorCode.SessionLimitReached,
  'cache_error.miss': preview4.CacheErrorCode.CacheMiss,
  'cache_error.version_mismatch': preview4.CacheErrorCode.VersionMismatch,
  'cache_error.dependency_invalid': preview4.CacheErrorCode.DependencyInvalid,
  'schema_error.none': preview4.SchemaErrorCode.None,
  'schema_error.unknown': preview4.SchemaErrorCode.SchemaUnknown,
  'schema_error.version_unknown': preview4.SchemaErrorCode.SchemaVersionUnknown,
  'schema_error.dependency_missing': preview4.SchemaErrorCode.SchemaDependencyMissing,
  'token_delta.schema_id': preview4.TOKEN_DELTA_SCHEMA_ID,
  'token_delta.schema_version': preview4.TOKEN_DELTA_SCHEMA_VERSION,
  'token_delta.schema_hash': preview4.TOKEN_DELTA_SCHEMA_HASH,
  packet_limit: DEFAULT_MAX_PACKET_BYTES,
};

/** The rule that a later release added, of what only earlier ones accept. */
const LATER_RULES: Readonly<Record<string, string>> = {
  'gen.result_push.stale_without_frame': 'RPUSH-2',
  'gen.result_push.stale_flag_without_frame': 'RPUSH-2',
  'gen.result_push.frame_without_stale': 'RPUSH-2',
  'gen.result_push.tensor_stale_and_sum': 'RPUSH-2',
  'gen.result_push.tensor_partial_nothing_dropped': 'RPUSH-3',
  'gen.result_push.tensor_sum_low': 'RPUSH-4',
  'gen.result_push.tensor_sum_high': 'RPUSH-4',
  'gen.result_push.tensor_dropped_over': 'RPUSH-4',
  'gen.body_region_prelude.typed23': 'PRELUDE-2',
  'gen.body_region_prelude.typed1_exten1': 'PRELUDE-2',
};

describeVectors({
  revision: 'preview4',
  structs: STRUCTS,
  regions: preview4,
  kinds: { message, capability_tokens: capabilityTokens, recovery_ticket: recoveryTicket },
  elsewhere: (vector) => vector.kind === 'packet',
  judge,
  constants: CONSTANTS,
  write: (_, fields) => preview4.encodeCapabilityTokens((fields as unknown as { tokens: string[] }).tokens),
  laterFault({ name, until }) {
    if (until === undefined) return undefined;
    // Two tokens are announced, and there is no body.
    if (name === 'message.capability.0_of_0') return { kind: 'invalid_capability_body', rule: 'CAP-2' };
    return { kind: 'invalid_combination', rule: LATER_RULES[name] };
  },
});
