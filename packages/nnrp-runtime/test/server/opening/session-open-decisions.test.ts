import { readFileSync } from 'node:fs';
import { runInNewContext } from 'node:vm';
import { SchemaRegistry } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import type { Authorize, NnrpServerPolicy } from '../../../src/server/contract/policy.js';
import type { NnrpServerOptions } from '../../../src/server/contract/server-config.js';
import type { SessionRefused } from '../../../src/server/contract/server-events.js';
import type { NnrpServer } from '../../../src/server/server.js';
import { within } from '../../../src/testing/within.js';
import { carrier } from '../../support/carrier.js';
import { PATIENCE_MS, RawPeer } from '../../support/raw-peer.js';
import { bytesFrom, bytesOf, hexOf, openAck, openBytes, packetBytes } from '../../support/wire-packets.js';

const { MessageType, SessionErrorCode, SessionFlags, SessionStatus } = preview3;

interface OpenVector {
  readonly name: string;
  readonly config: {
    readonly supported_profiles: readonly number[];
    readonly schemas: readonly (readonly [number, number])[];
    readonly max_in_flight_operations: number;
    readonly granted_operation_credit: number;
    readonly lease_ttl_ms: number;
    readonly resume_window_ms: number;
    readonly resume_token_bytes: number;
  };
  /** Sessions that exist already, by id. */
  readonly registry: Readonly<Record<string, { readonly resume_enabled: boolean }>>;
  /** 0 = the policy allows. */
  readonly policy_code: number;
  readonly open_hex: string;
  readonly ack_packet_hex?: string;
  readonly no_ack?: { readonly rule: string };
}

const file = new URL('../../../../../spec/preview3/vectors.json', import.meta.url);
const vectors: OpenVector[] = JSON.parse(readFileSync(file, 'utf8')).session_open_decisions;

const servers: NnrpServer[] = [];
const peers: RawPeer[] = [];

afterEach(async () => {
  for (const peer of peers.splice(0)) peer.destroy();
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

/** Allows everything until told otherwise. */
class SwitchedPolicy implements NnrpServerPolicy {
  code = 0;
  validateSessionOpen(): number | undefined {
    return this.code === 0 ? undefined : this.code;
  }
}

function configOf({ config }: OpenVector, applicationPolicy: NnrpServerPolicy): NnrpServerOptions {
  const schemas = config.schemas.map(([schemaId, schemaVersion]) => ({
    ...preview3.TOKEN_DELTA_SCHEMA,
    schemaId,
    schemaVersion,
  }));
  return {
    supportedProfiles: config.supported_profiles,
    schemaRegistry: new SchemaRegistry(schemas),
    maxInFlightOperations: config.max_in_flight_operations,
    grantedOperationCredit: config.granted_operation_credit,
    leaseTtlMs: config.lease_ttl_ms,
    resumeWindowMs: config.resume_window_ms,
    resumeTokenBytes: config.resume_token_bytes,
    applicationPolicy,
  };
}

async function serve(config: NnrpServerOptions = {}): Promise<NnrpServer> {
  const server = await carrier.bind(config);
  servers.push(server);
  return server;
}

async function connect(server: NnrpServer): Promise<RawPeer> {
  const peer = await RawPeer.connect(server.localAddress);
  peers.push(peer);
  return peer;
}

/** The bytes that answer a request, sent by a connection of its own. */
async function answerTo(server: NnrpServer, openMetadata: Uint8Array): Promise<Uint8Array> {
  const peer = await connect(server);
  peer.send(packetBytes(MessageType.SessionOpen, 0, 0, openMetadata));
  return bytesOf(await peer.next('SESSION_OPEN_ACK'));
}

/** `accept` still hands out sessions that are opened from now on. */
async function expectAcceptWorks(server: NnrpServer): Promise<void> {
  const peer = await connect(server);
  peer.send(openBytes());
  const { sessionId } = openAck(await peer.next());
  for (;;) {
    const session = await within(server.accept(), PATIENCE_MS, 'accept()');
    if (session.sessionId === sessionId) return;
  }
}

/** What a refused request is answered with, whatever the request was. */
function rejectedAck(request: Uint8Array, config: OpenVector['config'], errorCode: number): preview3.SessionOpenAck {
  const open = preview3.decodeSessionOpen(new DataView(request.buffer));
  return {
    sessionId: 0,
    acceptedProfileId: open.profileId,
    acceptedPriorityClass: open.priorityClass,
    sessionStatus: SessionStatus.Rejected,
    schemaId: open.schemaId,
    schemaVersion: open.schemaVersion,
    grantedOperationCredit: config.granted_operation_credit,
    maxInFlightOperations: config.max_in_flight_operations,
    leaseTtlMs: config.lease_ttl_ms,
    resumeWindowMs: config.resume_window_ms,
    resumeTokenBytes: 0,
    sessionExtensionBytes: 0,
    serverSessionTag: 0n,
    routeScopeId: 0,
    sessionErrorCode: errorCode,
    sessionFlagsAck: 0,
  };
}

/** The same packet as if it had no body. */
function withoutBody(packet: Uint8Array): Uint8Array {
  const head = new Uint8Array(packet.subarray(0, 40 + preview3.SESSION_OPEN_ACK_BYTES));
  new DataView(head.buffer).setUint32(16, 0, true);
  return head;
}

function ackBytes(ack: preview3.SessionOpenAck): Uint8Array {
  const metadata = new Uint8Array(preview3.SESSION_OPEN_ACK_BYTES);
  preview3.encodeSessionOpenAck(ack, new DataView(metadata.buffer));
  return packetBytes(MessageType.SessionOpenAck, ack.sessionId, 0, metadata);
}

describe('session open decisions of the specification', () => {
  it('are all here', () => {
    expect(vectors.length).toBe(14);
  });

  it.each(vectors)('$name', async (vector) => {
    const policy = new SwitchedPolicy();
    const server = await serve(configOf(vector, policy));
    const holder = await connect(server);
    for (const [id, { resume_enabled }] of Object.entries(vector.registry)) {
      const sessionFlags = resume_enabled ? SessionFlags.AllowResume : 0;
      holder.send(openBytes({ requestedSessionId: Number(id), sessionFlags }));
      expect(openAck(await holder.next()).sessionId).toBe(Number(id));
    }
    policy.code = vector.policy_code;
    const refused: SessionRefused[] = [];
    server.on('sessionRefused', (refusal) => refused.push(refusal));

    const request = bytesFrom(vector.open_hex);
    const answer = await answerTo(server, request);
    // The reference drops RES-1 and RES-2 without a word; here every resume attempt is answered.
    const expected =
      vector.ack_packet_hex ?? hexOf(ackBytes(rejectedAck(request, vector.config, SessionErrorCode.ResumeRejected)));
    const granted = answer[47] === SessionStatus.Opened;
    // The reference announces a token and sends none; here its bytes are the body.
    const token = granted
      ? new DataView(answer.buffer, answer.byteOffset).getUint32(
          40 + preview3.SESSION_OPEN_ACK_OFFSETS.resumeTokenBytes,
          true,
        )
      : 0;
    expect(answer.length - 40 - preview3.SESSION_OPEN_ACK_BYTES).toBe(token);
    expect(hexOf(withoutBody(answer))).toBe(expected);

    expect(refused.length).toBe(granted ? 0 : 1);
    expect(server.sessionCount).toBe(Object.keys(vector.registry).length + (granted ? 1 : 0));
    policy.code = 0;
    await expectAcceptWorks(server);
  });
});

describe('where this server differs from the reference', () => {
  it('gives a free id to every request for id 0, and never one in use', async () => {
    const server = await serve();
    const peer = await connect(server);
    peer.send(openBytes({ requestedSessionId: 2 }));
    expect(openAck(await peer.next()).sessionId).toBe(2);
    const granted = new Set<number>();
    for (let count = 0; count < 20; count++) {
      const answer = await answerTo(server, openBytes({ requestedSessionId: 0 }).subarray(40));
      const ack = preview3.decodeSessionOpenAck(new DataView(answer.buffer, answer.byteOffset + 40, 56));
      expect(ack.sessionStatus).toBe(SessionStatus.Opened);
      expect(ack.serverSessionTag).toBe(BigInt(ack.sessionId));
      granted.add(ack.sessionId);
    }
    expect(granted.size).toBe(20);
    expect(granted.has(0) || granted.has(2)).toBe(false);
  });

  it.each([
    ['a resumable session that lives', 77, 24],
    ['a session that lives and is not resumable', 78, 24],
    ['a session nobody knows', 79, 1],
  ])('refuses to resume %s, and leaves it alone', async (_name, requestedSessionId, resumeTokenBytes) => {
    const server = await serve();
    const holder = await connect(server);
    holder.send(openBytes({ requestedSessionId: 77, sessionFlags: SessionFlags.AllowResume }));
    holder.send(openBytes({ requestedSessionId: 78 }));
    expect(openAck(await holder.next())).toMatchObject({ sessionId: 77, resumeTokenBytes: 24, sessionFlagsAck: 1 });
    await holder.next();

    for (const body of [undefined, new Uint8Array(resumeTokenBytes)]) {
      const peer = await connect(server);
      const open = { requestedSessionId, sessionFlags: SessionFlags.AllowResume, resumeTokenBytes };
      peer.send(openBytes(open, body));
      expect(openAck(await peer.next())).toMatchObject({
        sessionId: 0,
        sessionStatus: SessionStatus.Rejected,
        sessionErrorCode: SessionErrorCode.ResumeRejected,
        resumeTokenBytes: 0,
        serverSessionTag: 0n,
        sessionFlagsAck: 0,
      });
      // The connection is not lost: a new session can be asked for at once.
      peer.send(openBytes());
      expect(openAck(await peer.next()).sessionStatus).toBe(SessionStatus.Opened);
    }
    const sessions = [await server.accept(), await server.accept()];
    expect(sessions.map((session) => session.sessionId)).toEqual([77, 78]);
    expect(sessions.map((session) => session.state)).toEqual(['open', 'open']);
    await expectAcceptWorks(server);
  });

  it('announces no token when resuming is switched off', async () => {
    const server = await serve({ resumeTokenBytes: 0 });
    const peer = await connect(server);
    peer.send(openBytes({ sessionFlags: SessionFlags.AllowResume }));
    expect(openAck(await peer.next())).toMatchObject({ sessionStatus: 0, resumeTokenBytes: 0, sessionFlagsAck: 0 });
  });
});

describe('the policy', () => {
  it.each([0, 7, 0xffffffff])('refuses with its own code %i', async (code) => {
    const server = await serve({ applicationPolicy: { validateSessionOpen: () => code } });
    const peer = await connect(server);
    peer.send(openBytes());
    const ack = openAck(await peer.next());
    expect(ack).toMatchObject({ sessionStatus: SessionStatus.Rejected, sessionErrorCode: code, sessionId: 0 });
  });

  it('refuses with auth_failed when it throws or rejects, and reports why', async () => {
    const error = new Error('no such user');
    for (const validateSessionOpen of [() => Promise.reject(error), () => fail(error)]) {
      const server = await serve({ applicationPolicy: { validateSessionOpen } });
      const refusals: SessionRefused[] = [];
      server.on('sessionRefused', (refusal) => refusals.push(refusal));
      const peer = await connect(server);
      peer.send(openBytes());
      expect(openAck(await peer.next()).sessionErrorCode).toBe(SessionErrorCode.AuthFailed);
      expect(refusals.map((refusal) => refusal.cause)).toEqual([error]);
    }
  });

  it.each<[string, () => unknown]>([
    ['an Error', () => new Error('not allowed')],
    ['a code under a name', () => ({ errorCode: 65537 })],
    ['a misspelled class', () => ({ priorityclass: 2 })],
    ['a class beside something else', () => ({ priorityClass: 2, refuse: true })],
    ['a code in a list', () => [65537]],
    ['a boxed number', () => Object(65537)],
    ['a boxed boolean', () => Object(false)],
    ['a Map', () => new Map([['priorityClass', 2]])],
    ['bytes', () => new Uint8Array(4)],
    ['a Date', () => new Date()],
    ['a generator whose body never runs', function* refuse() {}],
    ['text', () => 'no'],
    ['false', () => false],
  ])('grants nothing by an answer that is no grant: %s', async (_name, answer) => {
    const server = await serve({ applicationPolicy: { validateSessionOpen: answer } as unknown as NnrpServerPolicy });
    const refusals: SessionRefused[] = [];
    server.on('sessionRefused', (refusal) => refusals.push(refusal));
    const peer = await connect(server);
    peer.send(openBytes());
    expect(openAck(await peer.next()).sessionErrorCode).toBe(SessionErrorCode.AuthFailed);
    expect(refusals).toMatchObject([{ cause: { code: 'NNRP_ERR_USAGE' } }]);
  });

  it.each<[string, () => unknown]>([
    ['an empty object', () => ({})],
    ['an object without a prototype', () => Object.create(null)],
    ['an object of another realm', () => runInNewContext('({})')],
    ['null', () => null],
    [
      'an object of a class',
      () =>
        new (class Grant {
          get priorityClass() {
            return undefined;
          }
        })(),
    ],
  ])('grants by %s', async (_name, answer) => {
    const server = await serve({ applicationPolicy: { validateSessionOpen: answer } as unknown as NnrpServerPolicy });
    const peer = await connect(server);
    peer.send(openBytes());
    expect(openAck(await peer.next()).sessionStatus).toBe(SessionStatus.Opened);
  });

  it('sees the request, the peer and the authentication block', async () => {
    const seen: unknown[] = [];
    const server = await serve({
      applicationPolicy: {
        validateSessionOpen(open, { remoteAddress, auth }) {
          seen.push(open.clientSessionTag, carrier.peerAddress.test(remoteAddress), new TextDecoder().decode(auth));
          return undefined;
        },
      },
    });
    const client = await carrier.openClient(server.localAddress, { closeTimeoutMs: 1 });
    await client.openSession({ clientSessionTag: 7n, auth: new TextEncoder().encode('secret') });
    expect(seen).toEqual([7n, true, 'secret']);
    await client.close();
  });

  it('may answer with a promise of any kind', async () => {
    // biome-ignore lint/suspicious/noThenProperty: a promise that is no instance of Promise is the point
    const thenable = { then: (resolve: (code: number) => void) => resolve(1234) } as unknown as Promise<number>;
    const server = await serve({ applicationPolicy: { validateSessionOpen: () => thenable } });
    const peer = await connect(server);
    peer.send(openBytes());
    expect(openAck(await peer.next()).sessionErrorCode).toBe(1234);
  });
});

describe('authorize, the policy as one function', () => {
  const REFUSED = { sessionStatus: SessionStatus.Rejected, sessionErrorCode: SessionErrorCode.AuthFailed };
  const OPENED = { sessionStatus: SessionStatus.Opened };

  async function decided(authorize: () => unknown) {
    const server = await serve({ authorize: authorize as Authorize });
    const refusals: SessionRefused[] = [];
    server.on('sessionRefused', (refusal) => refusals.push(refusal));
    const peer = await connect(server);
    peer.send(openBytes());
    return { ack: openAck(await peer.next()), refusals };
  }

  it.each<[string, () => unknown, object]>([
    ['true', () => true, OPENED],
    ['a promise of true', async () => true, OPENED],
    ['nothing', () => undefined, REFUSED],
    ['a promise of nothing', async () => {}, REFUSED],
    ['null', () => null, REFUSED],
    ['a grant', async () => ({ priorityClass: 2 }), { ...OPENED, acceptedPriorityClass: 2 }],
    ['false', () => false, REFUSED],
    ['a promise of false', async () => false, REFUSED],
    ['a code', () => 7, { ...REFUSED, sessionErrorCode: 7 }],
    ['a promise of a code', async () => 7, { ...REFUSED, sessionErrorCode: 7 }],
  ])('decides by %s', async (_name, answer, expected) => {
    const { ack, refusals } = await decided(answer);
    expect(ack).toMatchObject(expected);
    expect(refusals.map(({ cause }) => cause)).toEqual(
      expected === REFUSED || ack.sessionErrorCode === 7 ? [undefined] : [],
    );
  });

  const error = new Error('no such user');
  it.each<[string, () => unknown, unknown]>([
    ['throws', () => fail(error), error],
    ['rejects', () => Promise.reject(error), error],
    ['answers what is no decision', () => 'yes', expect.objectContaining({ code: 'NNRP_ERR_USAGE' })],
    ['promises what is no decision', async () => [true], expect.objectContaining({ code: 'NNRP_ERR_USAGE' })],
  ])('refuses when it %s, and the server is told why', async (_name, answer, cause) => {
    const { ack, refusals } = await decided(answer);
    expect(ack).toMatchObject(REFUSED);
    expect(refusals.map((refusal) => refusal.cause)).toEqual([cause]);
  });

  it('sees the request, the peer and the authentication block', async () => {
    const seen: unknown[] = [];
    const server = await serve({
      authorize: (open, { remoteAddress, auth }) => {
        seen.push(open.clientSessionTag, carrier.peerAddress.test(remoteAddress), new TextDecoder().decode(auth));
        return true;
      },
    });
    const client = await carrier.openClient(server.localAddress, { closeTimeoutMs: 1 });
    await client.openSession({ clientSessionTag: 7n, auth: 'secret' });
    expect(seen).toEqual([7n, true, 'secret']);
    await client.close();
  });

  it('is refused beside a policy', async () => {
    const both = { authorize: () => true, applicationPolicy: { validateSessionOpen: () => undefined } };
    await expect(serve(both)).rejects.toThrow('authorize takes the place of applicationPolicy, got both');
  });
});

function fail(error: Error): never {
  throw error;
}
