import * as preview3 from 'nnrp-core/preview3';
import { bytesOf } from '../../golden-vectors.js';
import type { BaselineCase } from '../baseline-case.js';
import { checkGolden, checkRefused, constant, positive, vectorBytes } from '../golden.js';
import { decoded, putBytes, submitBytes, WIRE, wireBytes } from '../wire-messages.js';
import { referringSubmit } from './region-bodies.js';

const { CacheErrorCode, CacheObjectKind, MessageType, SchemaErrorCode, SessionFlags } = preview3;

/** The header of the standard token-delta schema, as section 12.2 gives it. */
const TOKEN_SCHEMA = '011000000300000002000000010100000000000000000200336b6f7470726e6e';
const KINDS = [CacheObjectKind.PromptSegment, CacheObjectKind.StructuredEventSchema];
const SCHEMA_SESSION = { sessionFlags: SessionFlags.AllowSchemaOverride };

/** Golden bytes of schemas, typed payloads and the code families of cache and schema. */
export const REGISTRY_GOLDEN_CASES: readonly BaselineCase[] = [
  {
    id: 'l0.schema.descriptor.header.golden',
    exercised:
      'Decodes and encodes golden schema headers and the token-delta header of the specification; a live server ' +
      'that gets a golden header in a CACHE_PUT installs exactly those fields in the session.',
    async run(check, stage) {
      checkGolden(check, 'gen.schema_descriptor_header.max');
      const golden = checkGolden(check, 'gen.schema_descriptor_header.trailing');
      checkRefused(check, 'neg.schema_descriptor_header.short_by_one');
      const token = new Uint8Array(32);
      preview3.encodeSchemaDescriptorHeader(preview3.TOKEN_DELTA_SCHEMA, new DataView(token.buffer));
      check.bytes(token, TOKEN_SCHEMA, 'the token-delta schema');
      // Its critical flag asks for dependencies by name, so the copy on the wire is not critical.
      const header = bytesOf(positive('gen.schema_descriptor_header.trailing').hex).slice(0, 32);
      header[10] = 4;
      const config = { schemaOverride: true, supportedCacheObjects: KINDS };
      const { peer, session } = await stage.openPeer(await stage.serve(config), SCHEMA_SESSION);
      const body = new Uint8Array([...header, ...new Uint8Array(9).fill(0x7b)]);
      peer.send(putBytes(1, body, { objectKind: CacheObjectKind.StructuredEventSchema }));
      const ack = decoded(WIRE.cacheAck, await peer.expect(MessageType.CacheAck, 1));
      check.fields(ack, { status: 0, detailCode: 0 }, 'the answer to the put');
      check.equal<unknown>({ ...session.schemas.get(48, 2) }, { ...golden, schemaFlags: 4 }, 'what the session has');
    },
  },
  {
    id: 'l0.cache.error_code.family.golden',
    exercised:
      'Compares the six codes of the cache family with the golden constants; the golden CACHE_ACK and the golden ' +
      'ERROR cache_miss round-trip, and a live server names an absent object with exactly the golden code in its ' +
      'ERROR.',
    async run(check, stage) {
      const codes = {
        none: CacheErrorCode.None,
        miss: CacheErrorCode.CacheMiss,
        lease_expired: CacheErrorCode.LeaseExpired,
        version_mismatch: CacheErrorCode.VersionMismatch,
        dependency_invalid: CacheErrorCode.DependencyInvalid,
        schema_mismatch: CacheErrorCode.SchemaMismatch,
      };
      for (const [name, code] of Object.entries(codes)) {
        const golden = constant(`cache_error.${name}`);
        check.equal<number>(code, golden.value, name);
        check.equal(code >>> 16, 3, `${name} is of family 3`);
      }
      checkGolden(check, 'golden.cache_ack');
      const vector = positive('packet.error.cache_miss');
      const { errorCode } = preview3.decodeErrorMessage(new DataView(vectorBytes(vector).buffer as ArrayBuffer), 40);
      check.equal<number>(errorCode, CacheErrorCode.CacheMiss, 'the golden ERROR');
      const { peer } = await stage.openAnnounced(await stage.serve({ supportedCacheObjects: KINDS }));
      peer.send(referringSubmit(1, 1));
      const error = await peer.expect(MessageType.Error, 1, 1);
      check.bytes(error.metadata.subarray(0, 4), constant('cache_error.miss').hex, 'the code on the wire');
      check.equal(decoded(WIRE.error, error).errorScope, preview3.ErrorScope.Frame, 'its scope');
      await peer.expect(MessageType.ResultDrop, 1, 1);
    },
  },
  {
    id: 'l0.schema.error_code.family.golden',
    exercised:
      'Compares the seven codes of the schema family with the golden constants; a live server that is sent ' +
      'conflicting and impossible schemas by CACHE_PUT answers with the golden codes in detail_code.',
    async run(check, stage) {
      const codes = {
        none: SchemaErrorCode.None,
        unknown: SchemaErrorCode.SchemaUnknown,
        version_unknown: SchemaErrorCode.SchemaVersionUnknown,
        hash_conflict: SchemaErrorCode.SchemaHashConflict,
        incompatible: SchemaErrorCode.SchemaIncompatible,
        dependency_missing: SchemaErrorCode.SchemaDependencyMissing,
        update_rejected: SchemaErrorCode.SchemaUpdateRejected,
      };
      for (const [name, code] of Object.entries(codes)) {
        check.equal<number>(code, constant(`schema_error.${name}`).value, name);
        check.equal(code >>> 16, 4, `${name} is of family 4`);
      }
      const config = { schemaOverride: true, supportedCacheObjects: KINDS };
      const { peer } = await stage.openPeer(await stage.serve(config), SCHEMA_SESSION);
      const changes = [
        ['hash_conflict', 24, 0x01],
        ['update_rejected', 8, 0x63],
        ['update_rejected', 13, 0x02],
      ] as const;
      for (const [name, offset, value] of changes) {
        const header = bytesOf(TOKEN_SCHEMA);
        header[offset] = value;
        peer.send(putBytes(1, header, { objectKind: CacheObjectKind.StructuredEventSchema }));
        const ack = await peer.expect(MessageType.CacheAck, 1);
        check.bytes(ack.metadata.subarray(24, 28), constant(`schema_error.${name}`).hex, `byte ${offset} changed`);
      }
    },
  },
  {
    id: 'l0.typed_payload.descriptor.golden',
    exercised:
      'Decodes and encodes golden typed payload descriptors and refuses the bad ones; a token body is the golden ' +
      'descriptor byte for byte, in a submit that a live server reads and in the result that it sends back.',
    async run(check, stage) {
      const goldens = ['golden.typed_payload.partial', 'gen.typed_payload_descriptor.mixed'];
      for (const name of [...goldens, 'gen.typed_payload_descriptor.max']) checkGolden(check, name);
      for (const fault of ['short_by_one', 'reserved0.byte0', 'reserved0.byte1']) {
        checkRefused(check, `neg.typed_payload_descriptor.${fault}`);
      }
      const partial = preview3.encodeTokenDeltaBody(new Uint8Array(24).fill(0x61), false);
      const golden = positive('golden.typed_payload.partial').hex;
      check.bytes(partial.subarray(32, 56), golden, 'the descriptor of a token body');
      const { peer, session } = await stage.openPeer(await stage.serve());
      peer.send(submitBytes(1, 1, partial));
      const operation = await stage.within(session.receiveSubmit(), 'the submit');
      const [frame] = operation.payloadFrames;
      check.fields(
        frame?.descriptor ?? {},
        { profileId: 2, descriptorFlags: 2, offset: 0, length: 24 } as object,
        'read',
      );
      await operation.complete(partial);
      const result = await peer.expect(MessageType.ResultPush, 1, 1);
      check.bytes(result.body.subarray(32, 56), golden, 'the descriptor in the result');
      check.equal(wireBytes(result).length, 40 + 64 + 80, 'the length of the result');
    },
  },
];
