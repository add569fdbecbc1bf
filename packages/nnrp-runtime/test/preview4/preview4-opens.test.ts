import { readFileSync } from 'node:fs';
import { SchemaRegistry } from 'nnrp-core';
import { TOKEN_DELTA_SCHEMA } from 'nnrp-core/preview3';
import { describe, expect, it } from 'vitest';
import type { NnrpServer } from '../../src/server/server.js';
import { type Came, hello, open, type Peer, packet, submit, T } from './peer.js';
import { cleaning, listening, peerOf, serving } from './stage.js';

/*
 * The decisions of the reference server on SESSION_OPEN, on live sockets: what the records of a decision are is brought about
 * by sessions. Where the reference drops the connection, the request is refused and the connection lives on.
 */

cleaning();

interface Decision {
  readonly name: string;
  readonly config: {
    readonly supported_profiles: readonly number[];
    readonly resume_token_bytes: number;
    readonly body_bytes: number;
  };
  readonly records: Readonly<
    Record<string, { active: boolean; resume_enabled: boolean; expired: boolean; token_match: boolean }>
  >;
  readonly policy_code: number;
  readonly open_hex: string;
  readonly ack_fields?: Readonly<Record<string, number>>;
}

const { session_open_decisions: DECISIONS } = JSON.parse(
  readFileSync(new URL('../../../../spec/preview4/vectors.json', import.meta.url), 'utf8'),
) as { readonly session_open_decisions: readonly Decision[] };

/** Field of the acknowledgement: its bytes from an offset on. */
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

function fields({ metadata }: Came): Record<string, number> {
  return Object.fromEntries(Object.entries(FIELDS).map(([name, [at, size]]) => [name, metadata.readUIntLE(at, size)]));
}

/** Ours where it betters the reference: the right token wins over a connection that is still there, and windows begin at the loss. */
const BETTER: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  'open.resume_active': {
    session_id: 77,
    session_status: 3,
    resume_token_bytes: 24,
    session_error_code: 0,
    session_flags_ack: 1,
  },
  'open.resume_no_flag': { session_id: 0, session_status: 1, session_error_code: 0x00010006 },
  'open.resume_zero_id': { session_id: 0, session_status: 1, session_error_code: 0x00010006 },
};
/** A window that is over needs a window of its own; a length of 9000 is refused when the server is made (P-26). */
const ELSEWHERE = new Set(['open.token_len_over', 'open.resume_expired', 'open.duplicate_expired']);

async function greeted(server: NnrpServer): Promise<Peer> {
  const peer = await peerOf(server);
  peer.send(packet(T.hello, {}, hello()));
  await peer.get(T.helloAck);
  return peer;
}

/** Brings a record about. @returns its token */
async function recorded(server: NnrpServer, id: number, record: Decision['records'][string]): Promise<Buffer> {
  const peer = await greeted(server);
  peer.send(packet(T.open, {}, open({ id, flags: record.resume_enabled ? 1 : 0 })));
  const ack = await peer.get(T.openAck);
  expect(ack.session).toBe(id);
  if (!record.active) {
    peer.end();
    await expect.poll(() => server.suspendedCount).toBe(record.resume_enabled ? 1 : 0);
    if (!record.resume_enabled) await expect.poll(() => server.sessions().length).toBe(0);
  }
  return ack.body;
}

describe('a session of preview4', () => {
  it.each(DECISIONS.filter(({ name }) => !ELSEWHERE.has(name)))('$name is decided as it should', async (decision) => {
    const { config, policy_code: code } = decision;
    const server = await listening({
      supportedProfiles: config.supported_profiles,
      resumeTokenBytes: config.resume_token_bytes,
      schemaRegistry: new SchemaRegistry([TOKEN_DELTA_SCHEMA]),
      authorize: () => (code === 0 ? true : code),
    });
    let token: Buffer = Buffer.alloc(0);
    for (const [id, record] of Object.entries(decision.records)) {
      const own = await recorded(server, Number(id), record);
      token = record.token_match ? own : Buffer.alloc(24, 1);
    }
    const peer = await greeted(server);
    const body =
      token.length >= config.body_bytes ? token.subarray(0, config.body_bytes) : Buffer.alloc(config.body_bytes, 1);
    peer.send(packet(T.open, {}, Buffer.from(decision.open_hex, 'hex'), body));
    const ack = await peer.get(T.openAck);
    const got = fields(ack);
    const wanted = { ...decision.ack_fields, ...BETTER[decision.name] };
    expect(got).toMatchObject(wanted);
    // The token is the whole body of what is granted, a text that of what is refused.
    const [granted, refused] = [ack.u32(28), ack.u32(32)];
    expect([ack.body.length, ack.session]).toEqual([granted + refused, got['session_id']]);
    if (got['session_error_code'] !== 0) {
      peer.send(packet(T.open, {}, open({ id: 4711 })));
      const after = await peer.get(T.openAck);
      expect(code === 0 ? after.session : 4711).toBe(4711);
    }
  });

  it("is refused by a text where the refusal is the protocol's own", async () => {
    const peer = await greeted(await listening());
    for (const [fieldsOfOpen, text] of [
      [{ profile: 9 }, 'the profile is not served'],
      [{ schema: 5 }, 'the schema is not installed'],
      [{ inFlight: 5 }, 'maxInFlightOperations: asked for 5, the server allows 4'],
    ] as const) {
      peer.send(packet(T.open, {}, open(fieldsOfOpen)));
      expect((await peer.get(T.openAck)).text).toBe(text);
    }
  });

  it('that cannot be read is refused, and costs neither the connection nor its other sessions (P-4)', async () => {
    const server = await serving({ submit: (operation) => operation.text() });
    const peer = await peerOf(server);
    const { session } = await peer.opened();
    const wrongFlags = open();
    wrongFlags.writeUInt8(0xff, 7);
    const broken = [
      packet(T.open, {}, open().subarray(0, 40)),
      packet(T.open, {}, wrongFlags),
      packet(T.open, {}, open({ token: 24, id: 5, flags: 1 }), Buffer.alloc(7)),
      packet(T.open, {}, open({ auth: 9 }), Buffer.alloc(8)),
    ];
    for (const request of broken) {
      peer.send(request);
      const ack = await peer.get(T.openAck);
      expect([ack.session, ack.metadata.readUInt8(7)]).toEqual([0, 1]);
      expect([0x00010001, 0x00010006]).toContain(ack.u32(48));
    }
    peer.send(packet(T.submit, { session, frame: 1 }, submit({ operation: 1 }), 'alive'));
    expect((await peer.get(T.result)).text).toBe('alive');
  });

  it('is decided by itself where the configuration has profiles that no hello can name (P-26)', async () => {
    const peer = await greeted(await listening({ supportedProfiles: [0, 2, 40] }));
    const codes: number[] = [];
    for (const profile of [0, 2, 40]) {
      peer.send(packet(T.open, {}, open({ profile })));
      codes.push((await peer.get(T.openAck)).u32(48));
    }
    expect(codes).toEqual([0, 0, 0x0001_0002]);
    await expect(listening({ resumeTokenBytes: 4097 })).rejects.toThrow(
      'resumeTokenBytes takes an integer of 0 to 4096',
    );
  });

  it('shows its authentication to the policy, in the body of the open or of the hello', async () => {
    const seen: string[] = [];
    const server = await listening({
      authorize: (_open, { auth, helloAuth }) => {
        seen.push(`${Buffer.from(helloAuth)}|${Buffer.from(auth)}`);
        return true;
      },
    });
    const peer = await peerOf(server);
    peer.send(packet(T.hello, {}, hello({ auth: 5 }), 'hello'), packet(T.open, {}, open({ auth: 4 }), 'open'));
    expect((await peer.get(T.helloAck)).body).toHaveLength(0);
    await peer.get(T.openAck);
    peer.send(packet(T.open, {}, open({ auth: 4 })));
    await peer.get(T.openAck);
    expect(seen).toEqual(['hello|open', 'hello|']);
  });
});
