import * as preview3 from 'nnrp-core/preview3';
import type { BaselineCase } from '../baseline-case.js';
import type { Checks } from '../checks.js';
import { tokenPayload, typedBody } from './region-bodies.js';
import {
  CONFIG,
  checkBinding,
  HEADER,
  install,
  OWN_SCHEMAS,
  outcomeOf,
  refused,
  schemaBytes,
  schemaSession,
  TAKEN,
} from './schema-fixtures.js';

const { CacheObjectKind, ProfileId, SchemaErrorCode, SchemaFlags, StreamSemantics } = preview3;

/** Cases of the registry of schemas, and of how its refusals reach an application. */
export const SCHEMA_REGISTRY_CASES: readonly BaselineCase[] = [
  {
    id: 'l1.schema.registry.install_update.validation',
    exercised:
      'By CACHE_PUT to a live server a session with schema override installs a schema, repeats it, updates it to ' +
      'a higher version and binds payloads to both; another session, the server itself and a session without the ' +
      'override do not see them. The registry names the outcomes installed, already_installed and updated.',
    async run(check: Checks, stage) {
      const server = await stage.serve(CONFIG);
      const { peer, session } = await stage.openAnnounced(server, OWN_SCHEMAS);
      await checkBinding(check, peer, 1, { schemaId: 0x2001, schemaVersion: 1 }, SchemaErrorCode.SchemaUnknown);
      check.equal(await install(peer, schemaBytes()), TAKEN, 'a new schema');
      check.equal(await install(peer, schemaBytes()), TAKEN, 'the same schema again');
      await checkBinding(check, peer, 2, { schemaId: 0x2001, schemaVersion: 1 }, 0);
      await checkBinding(check, peer, 3, { schemaId: 0x2001, schemaVersion: 2 }, SchemaErrorCode.SchemaVersionUnknown);
      check.equal(await install(peer, schemaBytes({ schemaVersion: 2, schemaHash: 5n })), TAKEN, 'a higher version');
      for (const schemaVersion of [1, 2]) {
        await checkBinding(check, peer, 3 + schemaVersion, { schemaId: 0x2001, schemaVersion }, 0);
      }
      const { session: other } = await stage.openAnnounced(server, { ...OWN_SCHEMAS, requestedSessionId: 2 });
      check.equal(other.schemas.has(0x2001, 1), false, 'in another session');
      const plain = await stage.openAnnounced(server, { requestedSessionId: 3 });
      check.equal(await install(plain.peer, schemaBytes(), 3), TAKEN, 'without the override it is an object');
      check.equal(plain.session.schemas.has(0x2001, 1), false, 'and no schema');
      const registry = session.schemas.overlay();
      const outcomes = [7, 7, 8, 6].map((schemaVersion) => {
        return outcomeOf(registry.install({ ...HEADER, schemaId: 0x2009, schemaVersion }));
      });
      check.equal(outcomes, ['installed', 'already_installed', 'updated', 'installed'], 'outcomes of the registry');
    },
  },
  {
    id: 'l1.schema.registry.invalidate_conflict.validation',
    exercised:
      'By CACHE_PUT to a live server: another hash, another profile and another body under a known id and version ' +
      'are refused as conflicts and the first stays; schemas of the session can be invalidated, after which ' +
      'payloads no longer bind on the wire; those of the server cannot, and unknown ones are unknown.',
    async run(check: Checks, stage) {
      const { peer, session } = await schemaSession(stage);
      check.equal(await install(peer, schemaBytes()), TAKEN, 'the first');
      const conflict = refused(SchemaErrorCode.SchemaHashConflict);
      check.equal(await install(peer, schemaBytes({ schemaHash: 1n })), conflict, 'another hash');
      check.equal(await install(peer, schemaBytes({ profileId: ProfileId.Tensor })), conflict, 'another profile');
      const changed = schemaBytes();
      changed[33] = 0;
      check.equal(await install(peer, changed), conflict, 'another body');
      const other = await install(peer, schemaBytes({ maxVersionMajor: 2 }));
      check.equal(other, refused(SchemaErrorCode.SchemaUpdateRejected), 'other fields under the same hash');
      check.equal<unknown>({ ...session.schemas.get(0x2001, 1) }, { ...HEADER }, 'what is kept');
      const bound = { schemaId: 0x2001, schemaVersion: 1 };
      await checkBinding(check, peer, 1, bound, 0);
      check.equal(outcomeOf(session.schemas.invalidate(0x2001, 1)), 'invalidated', 'a schema of the session');
      await checkBinding(check, peer, 2, bound, SchemaErrorCode.SchemaUnknown);
      const { SchemaUpdateRejected, SchemaVersionUnknown } = SchemaErrorCode;
      check.equal<unknown>(outcomeOf(session.schemas.invalidate(0x1001, 3)), SchemaUpdateRejected, 'one of the server');
      check.equal<unknown>(outcomeOf(session.schemas.invalidate(0x2001, 1)), SchemaVersionUnknown, 'one that is gone');
      await checkBinding(check, peer, 3, {}, 0);
    },
  },
  {
    id: 'l2.schema.registry.error_mapping.critical_unknown.validation',
    exercised:
      'Our client submits payloads of unknown schemas and unknown versions to a strict live server and its ' +
      'operations fail with PeerErrors of exactly the schema codes; a critical schema with unnamed dependencies ' +
      'comes back as schema_dependency_missing from putObject and from the registry alike. Nothing critical is ' +
      'skipped.',
    async run(check: Checks, stage) {
      const { clientSession, session } = await stage.session(CONFIG, OWN_SCHEMAS);
      for (const [descriptor, code] of [
        [{ schemaId: 0x4444 }, SchemaErrorCode.SchemaUnknown],
        [{ schemaId: 0 }, SchemaErrorCode.SchemaUnknown],
        [{ schemaVersion: 99 }, SchemaErrorCode.SchemaVersionUnknown],
      ] as const) {
        const { body, counts } = typedBody(tokenPayload('x', descriptor));
        const operation = await stage.within(clientSession.submit(body, { metadata: counts }), 'the submit');
        const what = JSON.stringify(descriptor);
        const error = await check.rejects(
          stage.within(operation.result(), 'an answer'),
          'NNRP_ERR_SUBMIT_REFUSED',
          what,
        );
        check.equal<unknown>((error as { readonly wireCode?: number }).wireCode, code, what);
      }
      const header = { ...HEADER, schemaFlags: SchemaFlags.Critical, dependencyCount: 2 };
      const object = { namespace: 1, key: 1n, kind: CacheObjectKind.StructuredEventSchema };
      const ack = await stage.within(clientSession.putObject(object, schemaBytes(header)), 'the answer to the put');
      const { SchemaDependencyMissing } = SchemaErrorCode;
      check.equal([ack.status, ack.detailCode], refused(SchemaDependencyMissing), 'a critical schema by putObject');
      check.equal<unknown>(outcomeOf(session.schemas.install(header)), SchemaDependencyMissing, 'by the registry');
      check.equal([session.schemas.has(0x2001, 1), session.inFlightCount], [false, 0], 'what came of it all');
    },
  },
  {
    id: 'l2.schema.registry.conflict_error_mapping.validation',
    exercised:
      'Our client puts conflicting schemas to a live server: the acknowledgements of putObject carry the same ' +
      'codes as the outcomes of the registry for the same headers; a payload whose profile is not that of its ' +
      'schema fails in our client with schema_incompatible.',
    async run(check: Checks, stage) {
      const { clientSession, session } = await stage.session(CONFIG, OWN_SCHEMAS);
      const object = { namespace: 1, key: 1n, kind: CacheObjectKind.StructuredEventSchema };
      const { SchemaHashConflict, SchemaIncompatible, SchemaUpdateRejected } = SchemaErrorCode;
      for (const [change, code] of [
        [{}, 0],
        [{ schemaHash: 2n }, SchemaHashConflict],
        [{ profileId: ProfileId.Tensor }, SchemaHashConflict],
        [{ defaultStreamSemantics: StreamSemantics.Snapshot }, SchemaUpdateRejected],
        [{ profileId: 77 }, SchemaUpdateRejected],
      ] as const) {
        const header = { ...HEADER, ...change };
        const ack = await stage.within(clientSession.putObject(object, schemaBytes(header)), 'the answer');
        const what = Object.keys(change).join() || 'the first';
        check.equal([ack.status, ack.detailCode], code === 0 ? TAKEN : refused(code), what);
        const outcome = outcomeOf(session.schemas.install(header));
        check.equal<unknown>(outcome, code === 0 ? 'already_installed' : code, `${what}, by the registry`);
      }
      const counts = { payloadKindBitmap: preview3.PayloadKindFlags.StructuredEvent, payloadFrameCount: 1 };
      const typedPayloads = [tokenPayload('x', { profileId: ProfileId.Unspecified })];
      const operation = await stage.within(
        clientSession.submit(preview3.encodeBody({ typedPayloads }, counts), { metadata: counts }),
        'the submit',
      );
      const error = await check.rejects(
        stage.within(operation.result(), 'an answer'),
        'NNRP_ERR_SUBMIT_REFUSED',
        'the profile',
      );
      check.equal<unknown>((error as { readonly wireCode?: number }).wireCode, SchemaIncompatible, 'its code');
    },
  },
];
