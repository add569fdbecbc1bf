import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import type { NnrpClientOptions, SessionOptions } from '../../src/client/contract/client-config.js';
import type { ClientOperation } from '../../src/client/results/client-operation.js';
import type { NnrpClientSession } from '../../src/client/session/client-session.js';
import { submitMetadata } from '../../src/client/submits/submit-options.js';
import type { OperationContext } from '../../src/server/contract/contract.js';
import type { SessionOpenContext } from '../../src/server/contract/policy.js';
import { eventually } from '../support/eventually.js';
import { Stage } from '../support/stage.js';

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const token = () => new TextEncoder().encode('secret');

const stage = new Stage();
afterEach(() => stage.clear());

/** What becomes of bytes that their owner needs no more. */
const SPOILT: readonly [string, (bytes: Uint8Array) => void][] = [
  ['wiped', (bytes) => void bytes.fill(42)],
  ['transferred', (bytes) => void structuredClone(bytes.buffer, { transfer: [bytes.buffer as ArrayBuffer] })],
];

describe.each(SPOILT)('bytes that are %s right after the call', (_name, spoil) => {
  /** What a policy sees of the clients that come. */
  async function guarded(config: NnrpClientOptions = {}) {
    const seen: string[] = [];
    const validateSessionOpen = (_open: unknown, { auth, helloAuth }: SessionOpenContext) =>
      void seen.push(`${text(auth)}/${text(helloAuth)}`);
    const server = await stage.serve({ applicationPolicy: { validateSessionOpen } });
    return { seen, client: await stage.connect(server, config) };
  }

  it('are sent as they were: the token and the extensions of a session that waits behind a hello', async () => {
    const { seen, client } = await guarded({ hello: true });
    const [auth, payload] = [token(), token()];
    const opening = client.openSession({ auth, extensions: [{ type: 0x8001, payload }] });
    spoil(auth);
    spoil(payload);
    await opening;
    expect(seen).toEqual(['secret/']);
  });

  it('are sent as they were: the token of a session that waits behind another', async () => {
    const { seen, client } = await guarded();
    const first = client.openSession({ auth: 'first' });
    const auth = token();
    const second = client.openSession({ auth });
    spoil(auth);
    await Promise.all([first, second]);
    expect(seen).toEqual(['first/', 'secret/']);
  });

  it('are sent as they were: a submit that waits for its turn', async () => {
    const { session, complete } = await oneAtATime(({ body }) => text(body));
    const body = token();
    const submitted = session.submit(body);
    spoil(body);
    complete();
    expect(await answerOf(submitted)).toBe('secret');
  });
});

/** A session whose first operation is in progress until `complete`; the others wait, and are answered like this. */
async function oneAtATime(answer: (operation: OperationContext) => unknown, options: SessionOptions = {}) {
  const { server, client } = await stage.pair({ maxInFlightOperations: 1, grantedOperationCredit: 1 });
  let first: OperationContext | undefined;
  void server.serve({
    submit: (operation) => {
      if (first !== undefined) return answer(operation) as string;
      first = operation;
      return operation.finished;
    },
  });
  const session = await client.openSession({ maxInFlightOperations: 1, defaultDeadlineMs: 0, ...options });
  await session.submit('first');
  await eventually(() => first !== undefined, 'the handler runs');
  return { session, complete: () => void first?.complete() };
}

async function answerOf(submitted: Promise<ClientOperation>): Promise<string> {
  return text((await (await submitted).result()).body);
}

describe('one object for many submits that wait for their turn', () => {
  const NUMBERS = [1, 2, 3];

  const submitAll = (session: NnrpClientSession, submit: (number: number) => Promise<ClientOperation>) => {
    expect(session.inFlightCount).toBe(1);
    return NUMBERS.map(submit);
  };

  it('may be a buffer', async () => {
    const { session, complete } = await oneAtATime(({ body }) => `${body.length} of ${body[0]}`);
    const body = new Uint8Array(1000);
    const submitted = submitAll(session, (number) => session.submit(body.fill(number)));
    complete();
    expect(await Promise.all(submitted.map(answerOf))).toEqual(NUMBERS.map((number) => `1000 of ${number}`));
  });

  it('may be one of options', async () => {
    const { session, complete } = await oneAtATime(({ traceId, metadata }) => `${traceId} ${metadata.latencyBudgetMs}`);
    const options: { traceId?: bigint; deadlineMs?: number; signal?: AbortSignal } = {};
    const controllers = NUMBERS.map(() => new AbortController());
    const submitted = submitAll(session, (number) => {
      options.traceId = BigInt(number);
      options.deadlineMs = 10_000 + number;
      options.signal = (controllers[number - 1] as AbortController).signal;
      return session.submit('x', options);
    });
    controllers[2]?.abort();
    complete();
    const answers = submitted.map((promise) => answerOf(promise).catch((error: { code: string }) => error.code));
    expect(await Promise.all(answers)).toEqual(['1 10001', '2 10002', 'NNRP_ERR_CANCELLED']);
  });

  it('may be one of complete metadata', async () => {
    const { session, complete } = await oneAtATime(({ metadata }) => `${metadata.latencyBudgetMs}`);
    const metadata = submitMetadata() as { latencyBudgetMs: number } & preview3.FrameSubmit;
    const submitted = submitAll(session, (number) => {
      metadata.latencyBudgetMs = 10_000 + number;
      return session.submit('x', { metadata });
    });
    metadata.latencyBudgetMs = 1;
    complete();
    expect(await Promise.all(submitted.map(answerOf))).toEqual(['10001', '10002', '10003']);
  });
});

it('the options of a hello may be changed while the connection comes about', async () => {
  const hello: { latencyBudgetMs: number; nonsense?: number } = { latencyBudgetMs: 5 };
  const { clientConfig, givenClientConfig } = await import('../../src/client/contract/client-config.js');
  const config = { hello, pingTimeoutMs: 7 };
  const [complete, given] = [clientConfig(config), givenClientConfig(config)];
  hello.latencyBudgetMs = 6;
  hello.nonsense = 1;
  config.pingTimeoutMs = -1;
  expect(complete).toMatchObject({ hello: { latencyBudgetMs: 5 }, pingTimeoutMs: 7 });
  expect(given).toEqual({ hello: { latencyBudgetMs: 5 }, pingTimeoutMs: 7 });
  expect(() => clientConfig(config)).toThrow(/nonsense|pingTimeoutMs/);
});

it('the answer to a migration is checked against what was asked for', async () => {
  const { session, clientSession } = await stage.session();
  const { Quic: newTransportId, Tcp: oldTransportId } = preview3.TransportId;
  const built = clientSession.buildMigrationRequest(newTransportId, 4n);
  const request = { ...built, oldTransportId, newTransportId };
  const migrated = clientSession.migrateTransport(request);
  request.lastResultFrameId = 1000n;
  const asked = await session.receiveMigrate();
  await session.sendMigrateAck(asked, { acceptCode: 0 });
  expect(await migrated).toMatchObject({ acceptCode: 0, resumeFromFrameId: 5n });
});
