import * as preview3 from 'nnrp-core/preview3';
import { STRUCTS } from 'nnrp-core/preview3/struct-table';
import { describeVectors, faultOrOutcome, type Judgement, okUnless } from './support/vector-suite.js';

/** Constant of the package behind each name of the section `constants`. */
const CONSTANTS: Readonly<Record<string, number | bigint>> = {
  'session_error.none': preview3.SessionErrorCode.None,
  'session_error.auth_failed': preview3.SessionErrorCode.AuthFailed,
  'session_error.profile_unsupported': preview3.SessionErrorCode.ProfileUnsupported,
  'session_error.schema_unsupported': preview3.SessionErrorCode.SchemaUnsupported,
  'session_error.priority_rejected': preview3.SessionErrorCode.PriorityRejected,
  'session_error.lease_policy_rejected': preview3.SessionErrorCode.LeasePolicyRejected,
  'session_error.resume_rejected': preview3.SessionErrorCode.ResumeRejected,
  'session_error.limit_reached': preview3.SessionErrorCode.SessionLimitReached,
  'cache_error.none': preview3.CacheErrorCode.None,
  'cache_error.miss': preview3.CacheErrorCode.CacheMiss,
  'cache_error.lease_expired': preview3.CacheErrorCode.LeaseExpired,
  'cache_error.version_mismatch': preview3.CacheErrorCode.VersionMismatch,
  'cache_error.dependency_invalid': preview3.CacheErrorCode.DependencyInvalid,
  'cache_error.schema_mismatch': preview3.CacheErrorCode.SchemaMismatch,
  'schema_error.none': preview3.SchemaErrorCode.None,
  'schema_error.unknown': preview3.SchemaErrorCode.SchemaUnknown,
  'schema_error.version_unknown': preview3.SchemaErrorCode.SchemaVersionUnknown,
  'schema_error.hash_conflict': preview3.SchemaErrorCode.SchemaHashConflict,
  'schema_error.incompatible': preview3.SchemaErrorCode.SchemaIncompatible,
  'schema_error.dependency_missing': preview3.SchemaErrorCode.SchemaDependencyMissing,
  'schema_error.update_rejected': preview3.SchemaErrorCode.SchemaUpdateRejected,
  'token_delta.schema_id': preview3.TOKEN_DELTA_SCHEMA_ID,
  'token_delta.schema_version': preview3.TOKEN_DELTA_SCHEMA_VERSION,
  'token_delta.schema_hash': preview3.TOKEN_DELTA_SCHEMA_HASH,
};

function judge(check: string, views: readonly DataView[]): Judgement {
  const [first, second = first] = views;
  if (first === undefined || second === undefined) throw new Error('the vector has no bytes');
  switch (check) {
    case 'recovery_request':
      return okUnless(preview3.checkRecoveryRequest(preview3.decodeSessionOpen(first)));
    case 'recovery_ack':
      return faultOrOutcome(
        preview3.recoveryOutcome(preview3.decodeSessionOpen(first), preview3.decodeSessionOpenAck(second)),
      );
    case 'migration':
      return okUnless(
        preview3.checkMigration(preview3.decodeSessionMigrate(first), preview3.decodeSessionMigrateAck(second)),
      );
    case 'hello_ack':
      return okUnless(preview3.checkHelloAck(preview3.decodeClientHello(first), preview3.decodeServerHelloAck(second)));
    case 'open_ack_install':
      return faultOrOutcome(preview3.openAckOutcome(preview3.decodeSessionOpenAck(first)));
    default:
      throw new Error(`no test for check ${check}`);
  }
}

describeVectors({
  revision: 'preview3',
  structs: STRUCTS,
  regions: preview3,
  elsewhere: (vector) => vector.kind === 'packet',
  judge,
  constants: CONSTANTS,
});
