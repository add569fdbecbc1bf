import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import type { NnrpServerSession } from '../../../src/server/contract/contract.js';
import type { NnrpServerOptions } from '../../../src/server/contract/server-config.js';
import { SessionPeer } from '../../support/session-peer.js';
import { Stage } from '../../support/stage.js';

const { CacheAckStatus, CacheObjectKind, DescriptorFlags, SchemaErrorCode, SessionFlags } = preview3;
const COUNTS = { payloadKindBitmap: preview3.PayloadKindFlags.TokenChunk, payloadFrameCount: 1 };

const stage = new Stage();
afterEach(() => stage.clear());

/** A schema of the client's own, as CACHE_PUT carries it: the header, then the schema. */
function schemaBytes(fields: Partial<preview3.SchemaDescriptorHeader> = {}): Uint8Array {
  const bytes = new Uint8Array(preview3.SCHEMA_DESCRIPTOR_HEADER_BYTES);
  const header = { ...preview3.TOKEN_DELTA_SCHEMA, schemaId: 0x9001, schemaVersion: 1, schemaHash: 77n, ...fields };
  preview3.encodeSchemaDescriptorHeader(header, new DataView(bytes.buffer));
  return bytes;
}

async function opened(
  config: NnrpServerOptions,
  sessionFlags = 0,
): Promise<{ peer: SessionPeer; session: NnrpServerSession }> {
  const server = await stage.serve(config);
  const peer = await SessionPeer.open(stage, server, { sessionFlags });
  return { peer, session: await server.accept() };
}

const OVERRIDE = { supportedCacheObjects: [CacheObjectKind.ToolSchema], schemaOverride: true };

async function putStatus(peer: SessionPeer, key: number, body: Uint8Array): Promise<[number, number]> {
  peer.put(key, body, { objectKind: CacheObjectKind.ToolSchema });
  const packet = await peer.packet();
  const { status, detailCode } = preview3.decodeCacheAck(packet.view, packet.metadataStart);
  return [status, detailCode];
}

describe('a schema that a client brings along', () => {
  it('may be named in its session where that is allowed, and in no other', async () => {
    const server = await stage.serve(OVERRIDE);
    const peer = await SessionPeer.open(stage, server, { sessionFlags: SessionFlags.AllowSchemaOverride });
    const session = await server.accept();
    await SessionPeer.openOn(peer.raw, { sessionFlags: SessionFlags.AllowSchemaOverride });
    const other = await server.accept();
    expect(await putStatus(peer, 1, schemaBytes())).toEqual([CacheAckStatus.Accepted, 0]);
    expect([session, other].map(({ schemas }) => schemas.has(0x9001, 1))).toEqual([true, false]);
    expect(server.config.schemaRegistry.has(0x9001, 1)).toBe(false);
  });

  it('is an object like any other where it is not', async () => {
    const { peer, session } = await opened(OVERRIDE);
    expect(await putStatus(peer, 1, schemaBytes())).toEqual([CacheAckStatus.Accepted, 0]);
    expect([session.cacheObjectCount, session.schemas.has(0x9001, 1)]).toEqual([1, false]);
  });

  it('cannot change one that exists: another hash, or the same hash with another header, is refused', async () => {
    const { peer, session } = await opened(OVERRIDE, SessionFlags.AllowSchemaOverride);
    expect(await putStatus(peer, 1, schemaBytes())).toEqual([CacheAckStatus.Accepted, 0]);
    const conflict = [CacheAckStatus.Rejected, SchemaErrorCode.SchemaHashConflict];
    expect(await putStatus(peer, 2, schemaBytes({ schemaHash: 78n }))).toEqual(conflict);
    const [status, detail] = await putStatus(peer, 2, schemaBytes({ defaultStreamSemantics: 1 }));
    expect(status).toBe(CacheAckStatus.Rejected);
    expect(detail >>> 16).toBe(4);
    expect(session.cacheObjectCount).toBe(1);
  });
});

describe('a strict server', () => {
  /** A submit with one token payload, bound to a schema. */
  function typed(peer: SessionPeer, frameId: number, fields: Partial<preview3.TypedPayloadDescriptor> = {}): void {
    const descriptor = {
      profileId: preview3.ProfileId.Token,
      descriptorFlags: DescriptorFlags.Terminal,
      schemaId: preview3.TOKEN_DELTA_SCHEMA_ID,
      schemaVersion: preview3.TOKEN_DELTA_SCHEMA_VERSION,
      streamSemantics: preview3.StreamSemantics.Append as number,
      ...fields,
    };
    peer.submit(frameId, preview3.encodeBody({ typedPayloads: [{ descriptor, payload: new Uint8Array(8) }] }, COUNTS), {
      ...COUNTS,
    });
  }

  const faults: [string, (peer: SessionPeer, frameId: number) => void, string][] = [
    ['a frame class without a name', (peer, id) => peer.submit(id, 'x', { frameClass: 9 }), 'malformed_body'],
    [
      'a loss tolerance without a name',
      (peer, id) => peer.submit(id, 'x', { lossTolerancePolicy: 9 }),
      'malformed_body',
    ],
    ['stream semantics without a name', (peer, id) => typed(peer, id, { streamSemantics: 77 }), 'malformed_body'],
    [
      'a payload that is terminal and partial',
      (peer, id) => typed(peer, id, { descriptorFlags: DescriptorFlags.Terminal | DescriptorFlags.Partial }),
      'malformed_body',
    ],
    [
      'a schema that nobody knows',
      (peer, id) => typed(peer, id, { schemaId: 0x7777 }),
      `${SchemaErrorCode.SchemaUnknown}`,
    ],
    [
      'a schema in a version that nobody knows',
      (peer, id) => typed(peer, id, { schemaVersion: 99 }),
      `${SchemaErrorCode.SchemaVersionUnknown}`,
    ],
  ];

  it.each(faults)('refuses %s: drop and reason, and nothing else', async (_name, submit, code) => {
    const { peer, session } = await opened({ strict: true });
    submit(peer, 1);
    expect((await peer.answers()).sort()).toEqual(['drop 1', `error frame 1 ${code}`]);
    typed(peer, 2);
    const good = await session.receiveSubmit();
    expect([good.frameId, good.payloadFrames.length]).toEqual([2, 1]);
  });

  it.each(faults)('is an option: without it the application gets %s', async (_name, submit) => {
    const { peer, session } = await opened({});
    submit(peer, 1);
    expect((await session.receiveSubmit()).frameId).toBe(1);
  });

  it('leaves bodies without regions to the application', async () => {
    const { peer, session } = await opened({ strict: true });
    peer.submit(1, 'no region body at all');
    expect((await session.receiveSubmit()).frameId).toBe(1);
  });
});
