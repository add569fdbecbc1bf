import { afterEach, describe, expect, it } from 'vitest';
import { NnrpClient } from '../../../src/client/client.js';
import type { FramedConnector, FramedTransport } from '../../../src/transport/contract/contract.js';
import { carrier } from '../../support/carrier.js';
import { eventually } from '../../support/eventually.js';
import { RecoveryServer } from './recovery-server.js';

afterEach(() => RecoveryServer.clear());

/** A connector whose later attempts do what a test wants, for a while. */
function strange(address: string, wrong: (attempt: number) => Promise<unknown> | undefined) {
  let attempts = 0;
  const signals: (AbortSignal | undefined)[] = [];
  const connector: FramedConnector = {
    kind: 'tcp',
    connect: (signal) => {
      signals.push(signal);
      attempts++;
      const instead = attempts === 1 ? undefined : wrong(attempts - 1);
      return instead === undefined ? carrier.connect(address) : (instead as Promise<FramedTransport>);
    },
  };
  return { connector, signals, attempts: () => attempts };
}

const broken = async (address: string, part: 'start' | 'send' | 'abort and start') => {
  const transport = await carrier.connect(address);
  const fail = () => {
    throw new Error(`${part} is broken`);
  };
  if (part === 'send') transport.send = fail;
  else transport.start = fail;
  if (part === 'abort and start') transport.abort = fail;
  return transport;
};

describe('an attempt to connect again that brings nothing', () => {
  it.each([
    ['an object', async () => ({}), 'expected a FramedTransport, got an object without a method start'],
    ['null', async () => null, 'expected a FramedTransport, got null without a method start'],
    ['a rejection without a reason', () => Promise.reject(undefined), 'the connector failed: no reason was given'],
    ['what throws when it starts', (address: string) => broken(address, 'start'), 'cannot be used: start is broken'],
    ['what throws when it sends', (address: string) => broken(address, 'send'), 'cannot be used: send is broken'],
    [
      'what throws at its end, too',
      (address: string) => broken(address, 'abort and start'),
      'abort and start is broken',
    ],
  ])('but %s is a failed one, and the next one succeeds', async (_name, made, text) => {
    const server = await RecoveryServer.start();
    const { connector, attempts } = strange(server.address, (attempt) =>
      attempt < 3 ? made(server.address) : undefined,
    );
    const client = await NnrpClient.connect(connector, { reconnectBackoffMs: 1 });
    server.clients.push(client);
    const failures: unknown[] = [];
    client.on('internalError', ({ error }) => failures.push(error));
    const session = await client.openSession();
    const known = server.known(session);
    server.cut();
    await eventually(() => attempts() === 4 && known.link !== undefined, 'the session is resumed');
    expect(failures).toEqual([]);
    const operation = session.submitNow('work');
    await eventually(() => server.submits(known).length === 1, 'the submit has come');
    server.result(known, 1, 'done');
    expect((await operation.result()).text()).toBe('done');

    // What was wrong stands in the error of a session that is lost over it.
    server.windowMs = 200;
    const short = strange(server.address, () => made(server.address));
    const other = await NnrpClient.connect(short.connector, { reconnectBackoffMs: 1 });
    server.clients.push(other);
    await other.openSession();
    const lost = new Promise<Error>((resolve) => other.once('lost', ({ error }) => resolve(error)));
    server.cut();
    expect((await lost).message).toContain(text);
  });

  it('in connectTimeoutMs is aborted, and counts as a failed one', async () => {
    const server = await RecoveryServer.start();
    const { connector, signals } = strange(server.address, (attempt) =>
      attempt === 1 ? new Promise(() => {}) : undefined,
    );
    const client = await NnrpClient.connect(connector, { reconnectBackoffMs: 1, connectTimeoutMs: 50 });
    server.clients.push(client);
    const known = server.known(await client.openSession());
    server.cut();
    await server.back(known, 2);
    expect(signals.map((signal) => signal?.aborted)).toEqual([false, true, false]);
    expect(signals[1]?.reason).toMatchObject({ code: 'NNRP_ERR_TIMEOUT' });
  });

  it('does not outlive the client', async () => {
    const server = await RecoveryServer.start();
    const { connector, signals } = strange(server.address, () => new Promise(() => {}));
    const client = await NnrpClient.connect(connector, { reconnectBackoffMs: 1, closeTimeoutMs: 20 });
    await client.openSession();
    server.cut();
    await eventually(() => signals.length === 2, 'it connects again');
    expect(signals[1]?.aborted).toBe(false);
    await client.close();
    expect(signals[1]?.aborted).toBe(true);
  });
});

describe('the first attempt to connect', () => {
  const never: FramedConnector = { kind: 'tcp', connect: () => new Promise(() => {}) };

  it('is bounded by connectTimeoutMs, whatever the connector does', async () => {
    await expect(NnrpClient.connect(never, { connectTimeoutMs: 30 })).rejects.toMatchObject({
      code: 'NNRP_ERR_TIMEOUT',
      timeoutMs: 30,
    });
  });

  it('is given up by its signal, whatever the connector does', async () => {
    const controller = new AbortController();
    const connecting = NnrpClient.connect(never, { signal: controller.signal });
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(connecting).rejects.toBe(reason);
    await expect(NnrpClient.connect(never, { signal: controller.signal })).rejects.toBe(reason);
  });

  it('that comes too late has its transport aborted', async () => {
    const server = await RecoveryServer.start();
    const transport = await carrier.connect(server.address);
    let isAborted = false;
    const { abort } = transport;
    transport.abort = (error) => {
      isAborted = true;
      abort.call(transport, error);
    };
    let connected: (transport: FramedTransport) => void = () => {};
    const slow: FramedConnector = {
      kind: 'tcp',
      connect: () =>
        new Promise((resolve) => {
          connected = resolve;
        }),
    };
    await expect(NnrpClient.connect(slow, { connectTimeoutMs: 20 })).rejects.toMatchObject({
      code: 'NNRP_ERR_TIMEOUT',
    });
    connected(transport);
    await eventually(() => isAborted, 'it is aborted');
  });
});

describe('the wait before the next attempt', () => {
  it('grows while the server takes sessions back and cuts them off at once', async () => {
    const server = await RecoveryServer.start();
    const { known } = await server.session({ reconnectBackoffMs: 8 });
    const times: number[] = [];
    server.verdict = () => {
      times.push(performance.now());
      return 'cut behind';
    };
    server.cut();
    await eventually(() => times.length === 8, 'it has come back eight times');
    server.verdict = () => 'resume';
    await eventually(() => known.link !== undefined, 'the session is resumed');
    // Drawn from 8, 16, 32, ... 1024 ms: together half of 2040 ms on average, and 36 ms when it begins anew each time.
    expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeGreaterThan(120);
  });

  it('begins anew when something has come through', async () => {
    const server = await RecoveryServer.start();
    const { session, known } = await server.session({ reconnectBackoffMs: 8 }, { maxInFlightOperations: 0 });
    const startMs = performance.now();
    for (let round = 2; round < 12; round++) {
      const operation = session.submitNow('work');
      await eventually(() => server.submits(known).length === round - 1, 'the submit has come');
      server.cut();
      await server.back(known, round);
      server.result(known, round - 1);
      await operation.result();
    }
    expect(performance.now() - startMs).toBeLessThan(1500);
  });

  it('begins anew when another session was opened and closed meanwhile', async () => {
    const server = await RecoveryServer.start();
    const { client, known } = await server.session({ reconnectBackoffMs: 8 });
    const startMs = performance.now();
    for (let round = 2; round < 12; round++) {
      const other = await client.openSession();
      await other.close();
      server.cut();
      await server.back(known, round);
    }
    expect(performance.now() - startMs).toBeLessThan(1500);
  });
});

describe('a server that says nothing', () => {
  it('has twice the time in each attempt, up to that of an open', async () => {
    const server = await RecoveryServer.start();
    // By the client's own clock: what it sends may reach the server late.
    const times: number[] = [];
    const { connector } = strange(server.address, () => {
      times.push(performance.now());
      return undefined;
    });
    const client = await NnrpClient.connect(connector, { pingTimeoutMs: 100, openTimeoutMs: 300 });
    server.clients.push(client);
    const known = server.known(await client.openSession());
    server.verdict = (_session, link) => {
      link.isSilent = true;
      return 'no answer';
    };
    server.cut();
    await eventually(() => times.length === 4, 'it has asked four times');
    server.verdict = () => 'resume';
    await eventually(() => known.link !== undefined, 'the session is resumed');
    const waits = times.slice(1).map((time, attempt) => time - (times[attempt] as number));
    // A timer may be early by a fraction of a millisecond.
    for (const [attempt, least] of [100, 200, 300].entries()) expect(waits[attempt]).toBeGreaterThan(least - 2);
  });
});
