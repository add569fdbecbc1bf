import { afterEach, describe, expect, it } from 'vitest';
import { NnrpClient } from '../../../src/client/client.js';
import type { NnrpServerOptions } from '../../../src/server/contract/server-config.js';
import type { NnrpServer } from '../../../src/server/server.js';
import type { FramedConnector, FramedTransport } from '../../../src/transport/contract/contract.js';
import { carrier } from '../../support/carrier.js';
import { eventually } from '../../support/eventually.js';

const servers: NnrpServer[] = [];
const clients: NnrpClient[] = [];
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close({ drainTimeoutMs: 0 })));
  await Promise.all(servers.splice(0).map((server) => server.close({ drainTimeoutMs: 0 })));
});

/** A server that says which one it is, and how often it was asked; a body of `wait` is never answered. */
async function start(name: string, options: NnrpServerOptions = {}) {
  const server = await carrier.bind(options);
  servers.push(server);
  let asked = 0;
  server.serve({
    submit: (operation) => {
      asked++;
      if (operation.text() === 'wait') return new Promise(() => {});
      return `${name} ${asked}`;
    },
  });
  return { server, asked: () => asked };
}

/** A client of whichever server has the address at the moment. */
async function client(address: { current: string }, config = {}) {
  let transport: FramedTransport | undefined;
  const connector: FramedConnector = {
    kind: 'tcp',
    connect: async () => {
      transport = await carrier.connect(address.current);
      return transport;
    },
  };
  const made = await NnrpClient.connect(connector, { reconnectBackoffMs: 1, ...config });
  clients.push(made);
  return { client: made, cut: () => transport?.abort() };
}

describe('with servers of this package', () => {
  it('a server that was restarted is asked for another session, by the same object', async () => {
    const first = await start('first');
    const address = { current: first.server.localAddress };
    const { client: own, cut } = await client(address);
    const session = await own.openSession();
    expect((await session.request('a')).text()).toBe('first 1');
    const waiting = session.request('wait').catch((error: unknown) => error);
    await eventually(() => first.asked() === 2, 'the submit has come');

    const second = await start('second');
    address.current = second.server.localAddress;
    cut();
    expect(await waiting).toMatchObject({ code: 'NNRP_ERR_SESSION_LOST', isRetryable: false });
    expect((await session.request('b')).text()).toBe('second 1');
    expect(session.state).toBe('open');
    // That one can be resumed in its turn: what is in progress survives.
    const text = session.request('c');
    cut();
    expect((await text).text()).toBe('second 2');
    expect([first.asked(), second.asked()]).toEqual([2, 2]);
  });

  it.each([
    ['that keeps none', { resumeWindowMs: 0 }],
    ['that keeps them', {}],
  ])('a server %s is asked anew where the client wants it so', async (_name, options) => {
    const { server, asked } = await start('server', options);
    const { client: own, cut } = await client({ current: server.localAddress }, { reconnect: 'reopen' });
    const session = await own.openSession();
    let count = 0;
    own.on('reopened', () => count++);
    for (let round = 1; round < 4; round++) {
      const waiting = session.request('wait').catch((error: unknown) => error);
      await eventually(() => asked() === round * 2 - 1, 'the submit has come');
      cut();
      expect(await waiting).toMatchObject({ code: 'NNRP_ERR_SESSION_LOST', isRetryable: false });
      expect((await session.request('next')).text()).toBe(`server ${round * 2}`);
      expect(count).toBe(round);
    }
    expect(server.suspendedCount).toBe(0);
  });

  it('a server that does not let it in again ends the client, with what it says', async () => {
    const first = await start('first');
    const address = { current: first.server.localAddress };
    const { client: own, cut } = await client(address);
    const session = await own.openSession();
    const second = await start('second', { authorize: () => false });
    address.current = second.server.localAddress;
    cut();
    const reason = await own.closed;
    expect(reason.message).toContain('could not be opened again');
    expect(session.endReason).toMatchObject({ code: 'NNRP_ERR_SESSION_LOST' });
  });
});
