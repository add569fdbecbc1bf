import { inspect } from 'node:util';
import * as core from 'nnrp-core';
import {
  CancelledError,
  ClosedError,
  DeadlineError,
  FlowBlockedError,
  type MessageInfo,
  type NnrpError,
  Packet,
  PeerError,
  PREVIEW3,
  ProtocolError,
  SessionLostError,
  TimeoutError,
  TransportError,
  UsageError,
  WireError,
} from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import { ApplicationEvents, tell } from '../../src/base/application/application-events.js';
import { described } from '../../src/base/application/described.js';
import { CLIENT_EVENTS, type NnrpClientEvents } from '../../src/client/contract/client-events.js';
import type { ClientSessionEvent } from '../../src/client/session/session-events.js';
import { EventStreams } from '../../src/client/streams/event-stream.js';
import type { ControlEvent } from '../../src/connection/controls/control-events.js';
import { controlKind } from '../../src/connection/controls/control-kinds.js';
import { serverConfig } from '../../src/server/contract/server-config.js';
import type { NnrpServerEvents } from '../../src/server/contract/server-events.js';
import type { ServerSessionEvent } from '../../src/server/contract/server-messages.js';
import { SERVER_EVENTS } from '../../src/server/failures/failure-reports.js';
import { SessionInbox } from '../../src/server/inbox/session-inbox.js';
import { Stage } from '../support/stage.js';

const stage = new Stage();
afterEach(() => stage.clear());

const SECRET = new TextEncoder().encode('a payload that nobody should read');
const cause = Object.assign(new Error('the cause'), { code: 'ECONNRESET', socket: { key: SECRET } });
const fault = { kind: 'field_out_of_range', field: 'profile_id', type: 'u16', value: '70000' } as const;

const errors: readonly NnrpError[] = [
  new WireError(fault, 'SESSION_OPEN'),
  new ProtocolError('a rule was broken', 7, fault),
  new PeerError('NNRP_ERR_PEER', 'refused', 0x10004, 250),
  new TransportError('cut', { cause }),
  new UsageError('a wrong option'),
  new ClosedError('closed', { cause: new TransportError('cut', { cause }) }),
  new TimeoutError('too late', 5000),
  new CancelledError('cancelled', { cause: 'as the user wished' }),
  new DeadlineError('too late', 500),
  new FlowBlockedError('no credit', 'credit', 100),
  new SessionLostError('session 1 was lost', 2),
];

const packet = new Packet(new Uint8Array(80).fill(0x61), new DataView(new Uint8Array(80).fill(0x61).buffer), 0, 20, 20);
const message = PREVIEW3.messageInfo(preview3.MessageType.Error) as MessageInfo;
const violation = errors[1] as ProtocolError;
const peerError = errors[2] as PeerError;
const cut = errors[3] as TransportError;
const flow: preview3.FlowUpdate = { ...({} as preview3.FlowUpdate), operationId: 2n ** 63n, creditEpoch: 1 };
const open = { requestedSessionId: 1, clientSessionTag: 2n ** 64n - 1n } as preview3.SessionOpen;
const report: preview3.ErrorMessage = { ...({} as preview3.ErrorMessage), errorCode: 5, diagnosticBytes: 0 };
const close = { ...({} as preview3.SessionClose), lastOperationId: 7n };
const closeAck = { ...({} as preview3.SessionCloseAck), lastOperationId: 7n };
const migrate = { ...({} as preview3.SessionMigrate), lastResultFrameId: 7n };
const migrateAck = { ...({} as preview3.SessionMigrateAck), resumeFromFrameId: 8n };
const patch = { ...({} as preview3.SessionPatch), activeLaneMask: 3n };
const put = { ...({} as preview3.CachePut), cacheKeyLo: 1 };
const ack = { ...({} as preview3.CacheAck), cacheKeyLo: 1 };
const invalidate = { ...({} as preview3.CacheInvalidate), reasonCode: 1 };
const hint = { ...({} as preview3.ResultHint), retryAfterMs: 1 };

const ofServer: { [Name in keyof NnrpServerEvents]: NnrpServerEvents[Name][0] } = {
  sessionRefused: { remoteAddress: '127.0.0.1:1', open, errorCode: 4, cause: cut },
  connectionLost: { remoteAddress: '127.0.0.1:1', error: cut, sessionIds: [1, 2] },
  sessionSuspended: { remoteAddress: '127.0.0.1:1', sessionId: 1, error: cut, windowMs: 1000 },
  sessionResumed: { remoteAddress: '127.0.0.1:1', sessionId: 1, awayMs: 12 },
  sessionExpired: { remoteAddress: '127.0.0.1:1', sessionId: 1, error: cut },
  protocolViolation: { remoteAddress: '127.0.0.1:1', sessionId: 1, error: violation },
  peerError: { remoteAddress: '127.0.0.1:1', sessionId: 1, error: report, diagnostic: 'said' },
  handlerFailure: { sessionId: 1, frameId: 2, error: new TypeError('x is not a function') },
  handlerStuck: { sessionId: 1, frameId: 2, remoteAddress: '127.0.0.1:1', forMs: 30_000 },
  internalError: { remoteAddress: '127.0.0.1:1', error: { odd: 1n, bytes: SECRET } },
  acceptFailed: { address: '127.0.0.1:1', failures: 3, error: cut },
  boundReached: { name: 'sessions', scope: 'server', value: 9, bound: 9, hits: 1 },
  listenerFailed: cut,
};
const TCP_PATH = { transport: 'tcp', remoteAddress: '127.0.0.1:1' };
const QUIC_PATH = { transport: 'quic', remoteAddress: '127.0.0.1:2' };
const ofClient: { [Name in keyof NnrpClientEvents]: NnrpClientEvents[Name][0] } = {
  stray: { packet, message },
  peerError: { error: peerError, sessionId: 1 },
  protocolViolation: { error: violation, sessionId: 1 },
  flowUpdate: { update: flow, outcome: 'applied' as never },
  readingPaused: { unreadBytes: 3, most: { sessionId: 1, frameId: 2, unreadBytes: 3 } },
  internalError: { error: Symbol('odd') },
  suspended: { error: cut },
  resumed: { awayMs: 1, sessions: 2, replayed: 3 },
  migrated: { awayMs: 1, sessions: 2, replayed: 3, from: TCP_PATH, to: QUIC_PATH },
  lost: { sessionId: 1, error: cut },
  reopened: { sessionId: 2, previousSessionId: 1, reason: cut, awayMs: 1 },
  closed: cut,
};
type Sessions<Event extends { readonly type: string }> = {
  readonly [Type in Event['type']]: Extract<Event, { readonly type: Type }>;
};

let made: Promise<Awaited<ReturnType<typeof stage.session>>>;

/** Operations of both ends: events name them. */
async function operations() {
  const { session, clientSession } = await made;
  const operation = await clientSession.submit(SECRET);
  return { submit: await session.receiveSubmit(), operation };
}

function check(event: unknown, name: string): void {
  const json = JSON.stringify(event);
  expect(json, name).not.toContain(String(SECRET.slice(0, 8)));
  expect(json, name).not.toContain('a payload');
  expect(json.length, name).toBeLessThan(1500);
  expect(JSON.parse(json), name).not.toEqual({});
  for (const options of [{ depth: 20 }, { depth: 20, showHidden: true }]) {
    const text = inspect(event, { ...options, maxArrayLength: 1000 }).replace(/\s+/g, ' ');
    expect(text, name).not.toContain(SECRET.slice(0, 8).join(', '));
    expect(text, name).not.toContain('61 61 61 61 61 61');
    expect(text, name).not.toContain('97, 97, 97, 97');
  }
}

describe('every error', () => {
  it('is among those that are tried here', () => {
    const classes = Object.entries(core).filter(([name]) => name.endsWith('Error') && name !== 'NnrpError');
    const tried = new Set(errors.map(({ name }) => name));
    expect(
      classes
        .map(([name]) => name)
        .filter((name) => /^[A-Z]/.test(name))
        .sort(),
    ).toEqual([...tried].sort());
  });

  it.each(errors.map((error) => [error.name, error] as const))('%s says in JSON what it is and why', (name, error) => {
    check(error, name);
    const shown = JSON.parse(JSON.stringify(error));
    expect(shown).toMatchObject({ name, code: error.code, message: error.message });
    if (error.cause !== undefined) expect(shown.cause).toBeDefined();
  });

  it('shows fields and causes', () => {
    expect(JSON.parse(JSON.stringify(errors[2]))).toMatchObject({ wireCode: 0x10004, retryAfterMs: 250 });
    expect(JSON.parse(JSON.stringify(errors[0]))).toMatchObject({ fault, where: 'SESSION_OPEN' });
    const inner = { name: 'Error', message: 'the cause', code: 'ECONNRESET' };
    expect(JSON.parse(JSON.stringify(errors[5])).cause).toMatchObject({ name: 'TransportError', cause: inner });
    const round = new TransportError('round');
    Object.assign(round, { cause: round });
    expect(() => JSON.stringify(round)).not.toThrow();
  });

  it('keeps what others have written on one line', () => {
    const error = new TransportError('said \u001b[2J\nnnrp: all is well\u202e');
    expect(error.message).toBe('[NNRP_ERR_TRANSPORT] said \\x1b[2J\\nnnrp: all is well\\u202e');
    expect(error.stack).not.toContain('\u001b');
  });
});

describe('what others have written', () => {
  const obeyed = 'a\u009b2J\u001b[2J\u202ez';
  const cause = new SyntaxError(`Unexpected token: ${obeyed}`);
  const details = { [obeyed]: [obeyed] };
  const isObeyed = /(?!\n)[\p{Cc}\p{Cf}]/u;
  const error = new PeerError('quota', 'no', 12, 0, { details, cause });

  it.each<[string, unknown]>([
    ['an error', error],
    ['an error that has it as its cause', new TransportError('cut', { cause: error })],
    ['an event of a session', described({ type: 'peerError', error: report, diagnostic: 'x', details, cause })],
  ])('is no command to a terminal in the JSON of %s, nor at a console', (_, held) => {
    expect(JSON.stringify(held)).not.toMatch(isObeyed);
    expect(JSON.stringify(held)).toContain('Unexpected token: a');
    for (const depth of [0, 9, Number.POSITIVE_INFINITY]) expect(inspect(held, { depth })).not.toMatch(isObeyed);
    expect(inspect(held)).toContain('Unexpected token: a');
  });

  it('is there for programs as it came', () => {
    expect(error.details).toEqual({ [obeyed]: [obeyed] });
    expect(error.cause).toBe(cause);
  });
});

describe('what a call brings', () => {
  it('can be logged, too: answers, what was granted, and the messages that handlers get', async () => {
    const { server, client } = await stage.pair({ supportedCacheObjects: [preview3.CacheObjectKind.PromptSegment] });
    const held = new Map<string, unknown>();
    server.serve({
      submit: () => '',
      session: (session) => void held.set('ack of the server', session.ack),
      patch(patch) {
        held.set('patch', patch.metadata).set('patch with its bytes', patch);
        return {};
      },
      migrate(migration) {
        held.set('migration', migration.metadata).set('migration as a whole', migration);
        return {};
      },
      close: (close) => void held.set('close', close.metadata).set('close as a whole', close),
    });
    const session = await client.openSession();
    const request = session.buildMigrationRequest(preview3.TransportId.Quic);
    held.set('ack of the client', session.ack).set('request', request);
    held.set('answer to a patch', await session.patch({ activeLaneMask: 1n }, SECRET));
    held.set('answer to a migration', await session.migrateTransport(request));
    const object = { namespace: 1, key: 1n, kind: preview3.CacheObjectKind.PromptSegment };
    held.set('answer to a put', await session.putObject(object, SECRET));
    held.set('probe', await client.probe());
    held.set('report', await session.close());
    for (const [name, value] of held) check(value, name);
    expect(held.size).toBe(14);
  });

  it('is told and logged when it is a circle, too: anything may be thrown', () => {
    const circle: Record<string, unknown> = { big: 1n };
    circle['self'] = { circle };
    const emitter = new ApplicationEvents<NnrpServerEvents>(SERVER_EVENTS);
    const seen: unknown[] = [];
    emitter.on('handlerFailure', (failure) => void seen.push(failure));
    tell(emitter, 'handlerFailure', { sessionId: 1, frameId: 2, error: circle });
    expect(seen).toHaveLength(1);
    expect(JSON.stringify(seen[0])).toContain('"big":"1"');
    expect(inspect(seen[0])).toContain('1n');
  });

  it('is logged at every level of an event', () => {
    const event = described({ type: 'migrate', migration: { metadata: migrate } });
    for (const part of [event, event.migration, event.migration.metadata]) {
      expect(JSON.stringify(part)).toContain('"lastResultFrameId":"7"');
    }
  });
});

describe('every event', () => {
  it.each(Object.entries(ofServer))('of a server can be logged: %s', (name, event) => {
    const emitter = new ApplicationEvents<NnrpServerEvents>(SERVER_EVENTS);
    const seen: unknown[] = [];
    emitter.on(name as 'sessionRefused', (told) => void seen.push(told));
    tell(emitter, name as 'sessionRefused', event as never);
    expect(seen).toEqual([event]);
    check(seen[0], name);
  });

  it.each(Object.entries(ofClient))('of a client can be logged: %s', async (name, event) => {
    const emitter = new ApplicationEvents<NnrpClientEvents>(CLIENT_EVENTS);
    emitter.on(name as 'stray', (told) => check(told, name));
    tell(emitter, name as 'stray', event as never, (error) => expect.unreachable(String(error)));
    const streams = new EventStreams<object>(() => 0);
    const stream = streams.open();
    streams.push({ type: name, ...(name === 'closed' ? { error: event } : event) });
    const { value } = await stream[Symbol.asyncIterator]().next();
    check(value, name);
  });

  it('of a session of a client can be logged', async () => {
    made = stage.session();
    const { operation } = await operations();
    const events: Sessions<Exclude<ClientSessionEvent, ControlEvent>> = {
      flowUpdate: { type: 'flowUpdate', update: flow, outcome: 'applied' as never, operation },
      resultHint: { type: 'resultHint', hint, frameId: 1, operation },
      resultDrop: { type: 'resultDrop', frameId: 1, operation },
      peerError: { type: 'peerError', error: peerError, message: report, operation },
      close: { type: 'close', close },
      closeAck: { type: 'closeAck', ack: closeAck },
      patchAck: {
        type: 'patchAck',
        ack: { ...({} as preview3.SessionPatchAck), effectiveLaneMask: 1n, body: SECRET },
      },
      migrateAck: { type: 'migrateAck', ack: migrateAck },
      cacheAck: { type: 'cacheAck', ack },
      cachePut: { type: 'cachePut', put, body: SECRET },
      cacheInvalidate: { type: 'cacheInvalidate', invalidate },
      stray: { type: 'stray', packet, message },
      protocolViolation: { type: 'protocolViolation', error: violation },
      suspended: { type: 'suspended', error: cut },
      resumed: { type: 'resumed', awayMs: 1, sessions: 2, replayed: 3 },
      lost: { type: 'lost', error: cut },
      reopened: { type: 'reopened', sessionId: 2, previousSessionId: 1, reason: cut, awayMs: 1 },
      ticketChanged: { type: 'ticketChanged' },
      end: { type: 'end', reason: cut },
    };
    const streams = new EventStreams<ClientSessionEvent>(() => 0);
    const reader = streams.open()[Symbol.asyncIterator]();
    for (const [type, event] of Object.entries(events)) {
      streams.push(event);
      const { value } = await reader.next();
      expect(value, type).toBe(event);
      check(value, type);
    }
    expect(JSON.parse(JSON.stringify(events.patchAck)).ack).toEqual({
      effectiveLaneMask: '1',
      body: { byteLength: SECRET.length },
    });
  });

  it('of a session of a server can be logged', async () => {
    made = stage.session();
    const { submit } = await operations();
    const events: Sessions<ServerSessionEvent> = {
      submit: { type: 'submit', submit },
      cancel: { type: 'cancel', cancel: { frameId: 1 } },
      patch: { type: 'patch', patch: { metadata: patch, profilePatch: SECRET } },
      migrate: { type: 'migrate', migration: { metadata: migrate } },
      close: { type: 'close', close: { metadata: close } },
      flowUpdate: { type: 'flowUpdate', update: flow },
      cachePut: { type: 'cachePut', put, ack },
      cacheInvalidate: { type: 'cacheInvalidate', invalidate, removed: 3 },
      peerError: { type: 'peerError', error: report, diagnostic: 'said' },
      ...controlSamples(),
    };
    const inbox = new SessionInbox({
      config: serverConfig({}, 'tcp'),
      connection: { bounds: { hit: () => {} }, hold: () => {}, release: () => {} },
      queued: { add: () => {}, remove: () => {}, count: () => {}, byteLength: 0, isLow: true },
      sendFlow: () => true,
    });
    const reader = inbox.events();
    for (const [type, event] of Object.entries(events)) {
      inbox.event(event);
      const { value } = await reader.next();
      check(value, type);
    }
    expect(JSON.parse(JSON.stringify(events.submit)).submit).toMatchObject({ frameId: 1, bodyLength: SECRET.length });
  });

  it('that a refused session causes reaches a listener that writes JSON', async () => {
    const { server, client } = await stage.pair({ applicationPolicy: { validateSessionOpen: () => 0x10004 } });
    const logged: string[] = [];
    server.on('sessionRefused', (refusal) => void logged.push(JSON.stringify(refusal), JSON.stringify(refusal.open)));
    const refused = client.openSession({ clientSessionTag: 2n ** 64n - 1n, auth: SECRET });
    await expect(refused).rejects.toMatchObject({ wireCode: 0x10004 });
    await expect.poll(() => logged.length).toBe(2);
    expect(JSON.parse(logged[0] ?? '').open.clientSessionTag).toBe('18446744073709551615');
    expect(JSON.parse(logged[1] ?? '').clientSessionTag).toBe('18446744073709551615');
  });
});

it('what handlers and answers give is shown in JSON as well', async () => {
  const { server, client } = await stage.pair();
  const logged: string[] = [];
  const log = (...values: unknown[]) => {
    for (const value of values) logged.push(JSON.stringify(value));
  };
  void server.serve({
    submit: ({ body }) => body,
    session: (session) => log(session.ack, session.clientOpen),
    migrate: (request) => {
      log(request, request.metadata);
      return { acceptCode: 1 };
    },
    close: (close) => log(close, close.metadata),
  });
  const clientSession = await client.openSession();
  log(clientSession.ack, await client.probe());
  log(await clientSession.migrateTransport(clientSession.buildMigrationRequest(preview3.TransportId.Quic)));
  await clientSession.close();
  await expect.poll(() => logged.length).toBe(9);
  for (const text of logged) expect(text).toMatch(/"\d+"/);
});

describe('plain data', () => {
  it('that is described is read, copied and compared as before', () => {
    const data = described({ tag: 5n, bytes: SECRET, inner: { tag: 6n } });
    expect(Object.keys(data)).toEqual(['tag', 'bytes', 'inner']);
    expect({ ...data }).toEqual({ tag: 5n, bytes: SECRET, inner: { tag: 6n } });
    expect(JSON.stringify(data.inner)).toBe('{"tag":"6"}');
    expect(described(data)).toBe(data);
    expect(described(Object.freeze({ tag: 5n }))).toEqual({ tag: 5n });
  });
});

/** One of each message that only preview4 has. */
function controlSamples(): Sessions<ControlEvent> {
  const codes = Array.from({ length: 0x1a }, (_, at) => 0x30 + at);
  const samples = codes.map((code) => {
    const kind = controlKind(code);
    if (kind === undefined) throw new Error(`there is no message 0x${code.toString(16)}`);
    return [kind.type, { type: kind.type, frameId: 1, metadata: { ...kind.defaults }, body: SECRET }];
  });
  return Object.fromEntries(samples) as Sessions<ControlEvent>;
}
