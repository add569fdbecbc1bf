import * as preview3 from 'nnrp-core/preview3';
import type { BaselineCase } from '../baseline-case.js';
import type { Checks } from '../checks.js';
import { checkBinding, install, refused, schemaBytes, schemaSession, TAKEN } from './schema-fixtures.js';

const { ErrorCode, ProfileId, SchemaErrorCode, SchemaFlags, StreamSemantics } = preview3;

/** Cases of schema descriptors. */
export const SCHEMA_CASES: readonly BaselineCase[] = [
  {
    id: 'l1.schema.descriptor.layout.validation',
    exercised:
      'Schemas in CACHE_PUTs to a live server: one written by offset is read field by field; a reserved byte, a ' +
      'body of another length than announced and an unassigned profile are refused with their code and install ' +
      'nothing.',
    async run(check: Checks, stage) {
      const { peer, session } = await schemaSession(stage);
      const bytes = new Uint8Array(35);
      const view = new DataView(bytes.buffer);
      view.setUint32(0, 0x3001, true);
      view.setUint32(4, 7, true);
      view.setUint16(8, ProfileId.Token, true);
      view.setUint16(10, SchemaFlags.HashStable, true);
      view.setUint8(12, 1);
      view.setUint8(13, 2);
      view.setUint32(16, 3, true);
      view.setUint16(22, StreamSemantics.Replace, true);
      view.setBigUint64(24, 0xfedcba9876543210n, true);
      check.equal(await install(peer, bytes), TAKEN, 'a schema written by offset');
      const expected = { schemaId: 0x3001, schemaVersion: 7, profileId: 2, schemaFlags: 8, minVersionMajor: 1 };
      const rest = { maxVersionMajor: 2, bodyBytes: 3, dependencyCount: 0, defaultStreamSemantics: 3 };
      const whole = { ...expected, ...rest, schemaHash: 0xfedcba9876543210n };
      check.equal<unknown>({ ...session.schemas.get(0x3001, 7) }, whole, 'as the server reads it');
      check.equal(session.schemas.body(0x3001, 7)?.length, 3, 'its body');
      const dirty = schemaBytes();
      dirty[14] = 1;
      check.equal(await install(peer, dirty), refused(ErrorCode.MalformedBody), 'a reserved byte');
      const rejected = refused(SchemaErrorCode.SchemaUpdateRejected);
      check.equal(await install(peer, schemaBytes({}, 3)), rejected, 'a body one byte short');
      check.equal(await install(peer, schemaBytes({ profileId: 9 })), rejected, 'a profile that is not assigned');
      check.equal([...session.schemas].length, 2, 'schemas of the session');
    },
  },
  {
    id: 'l1.schema.descriptor.flags.validation',
    exercised:
      'Schemas with every combination of the four flags and with each unassigned flag go to a live server by ' +
      'CACHE_PUT: the assigned ones are kept as they are, the others refused as malformed; a critical schema ' +
      'whose dependencies are not named is refused with schema_dependency_missing, an uncritical one is not.',
    async run(check: Checks, stage) {
      const { peer, session } = await schemaSession(stage);
      for (let flags = 0; flags <= 0xf; flags++) {
        check.equal(
          await install(peer, schemaBytes({ schemaVersion: flags, schemaFlags: flags })),
          TAKEN,
          `flags ${flags}`,
        );
        check.equal(session.schemas.get(0x2001, flags)?.schemaFlags, flags, `flags ${flags} as they are kept`);
      }
      for (let bit = 4; bit < 16; bit++) {
        const bytes = schemaBytes({ schemaId: 0x2002 });
        new DataView(bytes.buffer).setUint16(10, 1 << bit, true);
        check.equal(await install(peer, bytes), refused(ErrorCode.MalformedBody), `flag bit ${bit}`);
      }
      const depending = { schemaId: 0x2003, dependencyCount: 1 };
      const critical = schemaBytes({ ...depending, schemaFlags: SchemaFlags.Critical });
      check.equal(await install(peer, critical), refused(SchemaErrorCode.SchemaDependencyMissing), 'critical');
      check.equal(await install(peer, schemaBytes(depending)), TAKEN, 'not critical');
    },
  },
  {
    id: 'l1.schema.descriptor.default_stream.validation',
    exercised:
      'Schemas with each default stream semantics go to a live server by CACHE_PUT and bind with it; the token ' +
      'schema has append; a strict server takes payloads of each fixed semantics and refuses an unknown one on ' +
      'the wire.',
    async run(check: Checks, stage) {
      const { peer, session } = await schemaSession(stage);
      const all = Object.values(StreamSemantics);
      check.equal<number[]>(all, [0, 1, 2, 3, 4, 5], 'the fixed values');
      for (const defaultStreamSemantics of all) {
        const schemaVersion = defaultStreamSemantics + 1;
        check.equal(await install(peer, schemaBytes({ schemaVersion, defaultStreamSemantics })), TAKEN, 'installed');
        const bound = session.schemas.bind({ profileId: ProfileId.Token, schemaId: 0x2001, schemaVersion });
        check.ok(bound.outcome === 'bound', `version ${schemaVersion} binds`);
        check.equal<unknown>(bound.schema?.defaultStreamSemantics, defaultStreamSemantics, `version ${schemaVersion}`);
      }
      const { TOKEN_DELTA_SCHEMA } = preview3;
      check.equal<number>(TOKEN_DELTA_SCHEMA.defaultStreamSemantics, StreamSemantics.Append, 'the token schema');
      await checkBinding(check, peer, 1, { schemaId: 0x2001, schemaVersion: 1, streamSemantics: 4 }, 0);
      const unknown = { schemaId: 0x2001, schemaVersion: 1, streamSemantics: 6 as preview3.StreamSemantics };
      await checkBinding(check, peer, 2, unknown, ErrorCode.MalformedBody);
    },
  },
];
