import { generateKeyPairSync } from 'node:crypto';
import { type InspectOptions, inspect } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { NnrpClient } from '../../src/client/client.js';
import type { BodyInput } from '../../src/connection/body/body-bytes.js';
import type { NnrpServerSession, OperationContext } from '../../src/server/contract/contract.js';
import { NnrpServer } from '../../src/server/server.js';
import { MemoryListener, memoryPair } from '../../src/transport/memory.js';
import { TcpConnector, TcpListener } from '../../src/transport/tcp/tcp.js';
import { TlsConnector, TlsListener } from '../../src/transport/tls/tls.js';
import { issue } from '../support/certificates.js';

const TOKEN = 'TOKEN-OF-A-USER-1234567890';
const PROMPT = 'PROMPT-OF-A-USER-0987654321';
const PASSPHRASE = 'open sesame';
const server = await issue({ name: 'CN=server', ips: ['127.0.0.1'] });
const encrypted = server.keyObject.export({
  type: 'pkcs8',
  format: 'pem',
  cipher: 'aes-256-cbc',
  passphrase: PASSPHRASE,
}) as string;
const TLS = { certificateChain: server.certificate, privateKey: encrypted, passphrase: PASSPHRASE };

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

const bytes = (text: string) => [...Buffer.from(text)];

/** What a secret looks like in the output of util.inspect: as text, as numbers, and as a Buffer shows it. */
function traces(secret: string): string[] {
  return [
    secret,
    bytes(secret).join(', '),
    bytes(secret)
      .map((byte) => byte.toString(16).padStart(2, '0'))
      .join(' '),
  ];
}

const KEY = server.key
  .split('\n')
  .slice(1, 3)
  .map((line) => line.slice(0, 40));
const SHOWN: readonly InspectOptions[] = [
  {},
  { depth: 20 },
  { depth: 20, showHidden: true },
  { depth: 20, showHidden: true, getters: true },
  { depth: Number.POSITIVE_INFINITY, showHidden: true },
];
/** What reaches past the methods of the objects: the fields as they are. Of chunks that arrived the bytes are there. */
const RAW: InspectOptions = { depth: 20, customInspect: false, showHidden: true };

function shown(value: unknown, options: InspectOptions): string {
  return inspect(value, { maxArrayLength: 10_000, maxStringLength: 100_000, ...options }).replace(/\s+/g, ' ');
}

function expectHarmless(value: unknown, name: string): void {
  for (const options of SHOWN) {
    const text = shown(value, options);
    for (const trace of [...traces(TOKEN), ...traces(PROMPT), ...traces(PASSPHRASE), ...KEY]) {
      expect(text, `${name} with ${inspect(options)}`).not.toContain(trace);
    }
    expect(text.length, `${name} with ${inspect(options)}`).toBeLessThan(2500);
  }
  const json = JSON.stringify(value) ?? '';
  for (const secret of [TOKEN, PROMPT, bytes(PROMPT).join(',')]) expect(json, `${name} as JSON`).not.toContain(secret);
}

/** A server and a client with everything on them that applications hold. */
async function running() {
  const held = new Map<string, unknown>();
  const tls = await NnrpServer.bindTls('127.0.0.1:0', TLS, {
    applicationPolicy: {
      validateSessionOpen: (open, context) => {
        held.set('the context of a policy', context);
        return open.profileId === 1 ? 0x10004 : undefined;
      },
    },
    supportedProfiles: [1, 2],
  });
  cleanup.push(() => tls.close());
  tls.on('sessionRefused', (refusal) => held.set('a refusal', refusal));
  tls.serve({
    session: (session) => void held.set('a session of the server', session),
    async submit(operation) {
      held.set('an operation of the server', operation);
      await operation.push(operation.body);
      return operation.body;
    },
  });
  const client = await NnrpClient.connectTls(
    tls.localAddress,
    { roots: server.certificate },
    { hello: { auth: TOKEN as BodyInput } },
  );
  cleanup.push(() => client.close());
  const session = await client.openSession({ auth: TOKEN });
  held.set('a refused open', await client.openSession({ auth: TOKEN, profileId: 1 }).catch((error: unknown) => error));
  const operation = await session.submit(PROMPT);
  held.set('a result', await operation.result());
  held.set('an operation of the client', operation);
  held.set('a session of the client', session);
  held.set('the client', client);
  held.set('the server', tls);
  return { held, tls, client };
}

describe('what an application holds', () => {
  it('shows no key, no token and no payload in any log, and little text', async () => {
    const { held } = await running();
    expect(held.size).toBe(10);
    for (const [name, value] of held) expectHarmless(value, name);
    // Inside of something else as well.
    expectHarmless({ request: { held: [...held.values()].slice(0, 3) } }, 'a thing that holds some');
  });

  it('says what it is and how it stands', async () => {
    const { held, tls, client } = await running();
    const { localAddress } = tls;
    expect(inspect(tls)).toMatch(new RegExp(`^NnrpServer \\{\\s+localAddress: '${localAddress}',\\s+transport: 'tcp'`));
    expect(JSON.parse(JSON.stringify(tls))).toMatchObject({ state: 'serving', connectionCount: 1, sessionCount: 1 });
    expect(inspect(client)).toMatch(/^NnrpClient \{.*state: 'open'/s);
    expect(inspect(held.get('a result'))).toMatch(/^NnrpResult \{.*bodyLength: 27/s);
    expect(inspect({ deep: { er: { still: held.get('the client') } } })).toContain('[NnrpClient]');
  });

  it('holds no key and no passphrase in any field', async () => {
    const { held, tls, client } = await running();
    for (const value of [tls, client, held.get('a session of the server')]) {
      const text = shown(value, RAW);
      // Only the policy has the token of the hello; chunks of the network are another matter.
      const secrets = [...KEY, ...traces(PASSPHRASE), TOKEN];
      expect(secrets.filter((secret) => text.includes(secret))).toEqual([]);
    }
    // All that hangs on them is turned into text: megabytes.
  }, 120_000);

  it('shows addresses where it listens or connects, and no more', async () => {
    const tcp = await TcpListener.bind('127.0.0.1:0');
    const tls = await TlsListener.bind('127.0.0.1:0', TLS);
    cleanup.push(
      () => tcp.close(),
      () => tls.close(),
    );
    const connector = new TlsConnector(tls.address, { ...TLS, roots: server.certificate });
    for (const held of [tcp, tls, connector, new TcpConnector(tcp.address)]) {
      expectHarmless(held, inspect(held));
      expect(inspect(held)).toContain('127.0.0.1:');
      for (const trace of [...KEY, ...traces(PASSPHRASE)]) expect(shown(held, RAW)).not.toContain(trace);
    }
  });
});

/** A session whose submits nobody has answered, with everything that its public methods return. */
async function unanswered() {
  const server = await NnrpServer.bindTcp('127.0.0.1:0', { drainTimeoutMs: 0, supportedCacheObjects: [1] });
  const client = await NnrpClient.connectTcp(server.localAddress);
  // The server goes first: no handler would confirm the client's close.
  cleanup.push(() => server.close());
  const clientSession = await client.openSession({ auth: TOKEN });
  const sessions = server[Symbol.asyncIterator]();
  const accepted = sessions.next();
  const session = (await accepted).value as NnrpServerSession;
  const results = clientSession.results();
  const submits = session[Symbol.asyncIterator]();
  const looked = submits.next();
  const operations = [await clientSession.submit(PROMPT), await clientSession.submit(PROMPT)];
  const work = (await looked).value as OperationContext;
  const unseen = submits.next();
  await unseen;
  const partials = operations[0]?.[Symbol.asyncIterator]();
  await work.push(PROMPT);
  await work.push(PROMPT);
  await client.ping();
  const loop = results[Symbol.asyncIterator]();
  return {
    server,
    session,
    held: {
      'a loop over sessions': sessions,
      'a step of it': accepted,
      'a loop over submits': submits,
      'a step of it that nobody has looked at': unseen,
      'a loop over submits that is left': await left(session[Symbol.asyncIterator]()),
      operations: session.operations,
      'the schemas': session.schemas,
      'the records': server.sessions().map(({ record }) => record),
      'a record': session.record,
      'the request of a session': session.clientOpen,
      'the grant of a session': session.ack,
      'the close report of a session': session.closeReport,
      'results of a session': results,
      'a loop over them': loop,
      'a result of the session': await loop.next(),
      'a loop over the results of an operation': partials,
      'a partial result': await partials?.next(),
      'an operation with a loop': operations[0],
      'events of a client': client.events(),
      'events of a session of the client': clientSession.events(),
      'a loop over events': clientSession.events()[Symbol.asyncIterator](),
      'a request to migrate': clientSession.buildMigrationRequest(2),
      'the answer to a ping': await client.ping(),
      'promises of all kinds': [session.receiveSubmit(), session.receivePatch(), operations[1]?.result()],
    },
  };
}

async function left<Loop extends AsyncIterator<unknown>>(loop: Loop): Promise<Loop> {
  await loop.return?.();
  return loop;
}

describe('what public methods return', () => {
  it('shows no token and no payload at any depth, and can be made JSON', async () => {
    const { held } = await unanswered();
    for (const [name, value] of Object.entries(held)) expectHarmless(value, name);
  });

  it('says how it stands', async () => {
    const { held, session } = await unanswered();
    expect(inspect(held['results of a session'])).toMatch(/^ResultStream \{ waitingResults: 1, unreadBytes: \d+ \}$/);
    expect(inspect(held['a loop over submits'])).toBe("SubmitIterator { state: 'open', waitingCalls: 0 }");
    expect(inspect(held['a loop over submits that is left'])).toContain("state: 'over'");
    expect(inspect(await held['a step of it that nobody has looked at'])).toMatch(/done: false,.*OperationContext/s);
    expect(inspect(held['events of a client'])).toMatch(/^EventStream \{ state: 'open', waitingEvents: 0/);
    const events = session.events();
    void events.next();
    expect(JSON.parse(JSON.stringify(events))).toEqual({ state: 'open', waitingCalls: 1 });
    expectHarmless(events, 'a loop over events');
  });

  it('shows of the ends of a connection inside one process how they stand', async () => {
    const [left, right] = memoryPair();
    const listener = new MemoryListener();
    const server = NnrpServer.fromListener(listener, { drainTimeoutMs: 0 });
    cleanup.push(() => server.close());
    const transport = await listener.connect();
    const client = NnrpClient.fromTransport(transport);
    const session = await client.openSession({ auth: TOKEN });
    session.submitNow(PROMPT);
    for (const end of [left, right, listener, transport]) expectHarmless(end, inspect(end));
    expect(JSON.parse(JSON.stringify(left))).toMatchObject({ kind: 'memory', state: 'open', unreadPackets: 0 });
    expect(inspect(listener)).toMatch(/^MemoryListener \{.*waitingConnections: 0/);
  });
});

describe('an error about a key', () => {
  it('shows neither the key nor the passphrase', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const other = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
    for (const wrong of [
      { ...TLS, passphrase: `${PASSPHRASE}!` },
      { ...TLS, privateKey: other, passphrase: PASSPHRASE },
      { ...TLS, privateKey: `${server.key.slice(0, 120)}\n` },
      { ...TLS, passphrase: bytes(PASSPHRASE) as never },
      { ...TLS, [PASSPHRASE]: 1 },
    ]) {
      const error: unknown = await NnrpServer.bindTls('127.0.0.1:0', wrong).catch((reason: unknown) => reason);
      const text = shown(error, { depth: 20, showHidden: true });
      expect(text).toContain('NNRP_ERR_USAGE');
      for (const secret of [...KEY, other.split('\n')[1] ?? '', bytes(PASSPHRASE).join(', ')])
        expect(text).not.toContain(secret);
    }
  });
});
