import { afterEach, describe, expect, it } from 'vitest';
import { HandlerError, NnrpClient, NnrpServer, type NnrpServerOptions } from '../../src/index.js';
import type { FramedTransport } from '../../src/transport/contract/contract.js';
import { TcpConnector } from '../../src/transport/tcp/tcp.js';
import { eventually } from '../support/eventually.js';

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

/** A client whose work goes on while its connection is lost, and whose way back leads through `letBack`. */
async function away(config: NnrpServerOptions, revision: 'preview3' | 'preview4') {
  const server = await NnrpServer.bindTcp('127.0.0.1:0', config);
  const answers: ((text: string) => void)[] = [];
  server.serve({ submit: () => new Promise<string>((answer) => answers.push(answer)) }).catch(() => {});
  let letBack = () => {};
  const gate = new Promise<void>((open) => {
    letBack = open;
  });
  let first: FramedTransport | undefined;
  const tcp = new TcpConnector(server.localAddress);
  const connect = async () => {
    if (first !== undefined) await gate;
    const transport = await tcp.connect();
    first ??= transport;
    return transport;
  };
  const client = await NnrpClient.connect({ kind: 'tcp', connect }, { revision, reconnectBackoffMs: 1 });
  cleanup.push(
    () => server.close({ drainTimeoutMs: 0 }),
    () => client.close(),
  );
  const lost: Error[] = [];
  client.on('lost', ({ error }) => lost.push(error));
  const session = await client.openSession();
  const result = session.submitNow('work').result();
  result.catch(() => {});
  await eventually(() => answers.length === 1, 'the work has begun');
  first?.abort();
  await eventually(() => server.suspendedCount === 1 && server.connectionCount === 0, 'the server has lost the client');
  return { server, letBack: () => letBack(), answers, result, lost };
}

describe.each(['preview3', 'preview4'] as const)('a session of a client that comes back, over %s,', (revision) => {
  it('is not lost to a server that is full, and goes on when there is room', async () => {
    const { server, letBack, answers, result, lost } = await away({ maxConnections: 1 }, revision);
    let refusals = 0;
    server.on('sessionRefused', () => refusals++);
    const other = await NnrpClient.connectTcp(server.localAddress, { revision });
    await other.openSession();
    letBack();
    await eventually(() => refusals >= 2, 'it has been refused');
    expect([lost, server.suspendedCount]).toEqual([[], 1]);
    await other.close();
    await eventually(() => server.suspendedCount === 0, 'it is back');
    answers[0]?.('done');
    expect((await result).text()).toBe('done');
    expect([answers.length, lost]).toEqual([1, []]);
  });

  /** @param thrown - by the policy, when it is asked for the second time */
  const failing = (thrown: Error) => {
    let asked = 0;
    const authorize = () => {
      if (++asked === 2) throw thrown;
      return true;
    };
    return { authorize, asked: () => asked };
  };

  it('is not lost to a policy that fails once', async () => {
    const { authorize, asked } = failing(new Error('the database is away'));
    const { server, letBack, answers, result, lost } = await away({ authorize }, revision);
    letBack();
    await eventually(() => server.suspendedCount === 0, 'it is back');
    answers[0]?.('done');
    expect((await result).text()).toBe('done');
    expect([asked(), lost]).toEqual([3, []]);
  });

  it('is lost to a policy that does not let it in any more', async () => {
    const { authorize } = failing(new HandlerError('GONE', 'no'));
    const { letBack, result } = await away({ authorize }, revision);
    letBack();
    await expect(result).rejects.toMatchObject({ code: 'NNRP_ERR_SESSION_LOST' });
  });
});

/** A client with so many sessions, and a way to cut its connection. */
async function withSessions(count: number, config: NnrpServerOptions) {
  const server = await NnrpServer.bindTcp('127.0.0.1:0', config);
  server.serve({ submit: () => 'done' }).catch(() => {});
  let transport: FramedTransport | undefined;
  const tcp = new TcpConnector(server.localAddress);
  const connect = async () => {
    transport = await tcp.connect();
    return transport;
  };
  const client = await NnrpClient.connect({ kind: 'tcp', connect }, { reconnectBackoffMs: 1 });
  cleanup.push(
    () => server.close({ drainTimeoutMs: 0 }),
    () => client.close(),
  );
  const lost: number[] = [];
  client.on('lost', ({ sessionId }) => lost.push(sessionId));
  await Promise.all(Array.from({ length: count }, () => client.openSession()));
  return { server, client, lost, cut: () => transport?.abort() };
}

it('more than a thousand sessions of one client are not lost to a policy that fails for each of them once', async () => {
  const COUNT = 1010;
  let asked = 0;
  const authorize = () => {
    asked++;
    if (asked > COUNT && asked <= 2 * COUNT) throw new Error('the database is away');
    return true;
  };
  const { server, lost, cut } = await withSessions(COUNT, { authorize });
  cut();
  await eventually(() => asked > 2 * COUNT && server.suspendedCount === 0, 'all are back');
  expect([lost, server.sessionCount]).toEqual([[], COUNT]);
});

it('a hundred sessions of one client are not lost with those that the policy lets in no more', async () => {
  // More than are refused at once: the others wait behind the rest of them.
  const REFUSED = 12;
  const validateSessionOpen = (_open: unknown, { resumes = REFUSED + 1 }: { readonly resumes?: number }) => {
    if (resumes <= REFUSED) throw new HandlerError('GONE', 'no');
    return undefined;
  };
  const { client, lost, cut } = await withSessions(100, { applicationPolicy: { validateSessionOpen } });
  const resumed = new Promise((resolve) => client.once('resumed', resolve));
  cut();
  expect(await Promise.race([resumed, client.closed])).toMatchObject({ sessions: 100 - REFUSED });
  expect(lost.sort((a, b) => a - b)).toEqual(Array.from({ length: REFUSED }, (_, index) => index + 1));
});
