import { NnrpClient, NnrpServer, type OperationContext } from 'nnrp-runtime';
import { type FramedConnector, type FramedTransport, TcpConnector, TcpListener } from 'nnrp-runtime/transport';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocketListener, webSocketConnector } from '../src/index.js';

const ANY_PORT = '127.0.0.1:0';
const STREAMS = 16;
const ALONE = 20;

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

/** Told of numbers as they come, and asked to wait for one. */
class Progress {
  private reached = 0;
  private readonly waiting: { readonly at: number; readonly done: () => void }[] = [];

  note(): void {
    this.reached++;
    for (const { at, done } of this.waiting) if (this.reached >= at) done();
  }

  /** More have come. */
  more(count: number): Promise<void> {
    const at = this.reached + count;
    return new Promise((done) => this.waiting.push({ at, done }));
  }
}

/** One server on TCP and WebSocket whose streams count until they are told to stop. */
async function both() {
  const handled = new Map<string, number>();
  const events: string[] = [];
  const state = { isGoing: true };
  const server = await NnrpServer.listenOn(
    [
      (options) => TcpListener.bind(ANY_PORT, options),
      (options) => WebSocketListener.bind('ws://127.0.0.1:0/nnrp', {}, options),
    ],
    { drainTimeoutMs: 0, deadlines: false, maxInFlightOperations: STREAMS, grantedOperationCredit: STREAMS },
  );
  for (const name of ['protocolViolation', 'internalError', 'sessionExpired'] as const)
    server.on(name, (event: object) => events.push(`${name} ${JSON.stringify(event)}`));
  server
    .serve({
      async *submit(operation: OperationContext) {
        const id = operation.text();
        handled.set(id, (handled.get(id) ?? 0) + 1);
        let number = 0;
        while (state.isGoing) {
          yield `${number++} ${'-'.repeat(number % 700)}`;
          await new Promise(setImmediate);
        }
        return `last ${number}`;
      },
    })
    .catch(() => {});
  cleanup.push(() => server.close());
  const [tcp = '', webSocket = ''] = server.endpoints.map(({ localAddress }) => localAddress);
  return { server, handled, events, state, tcp: () => new TcpConnector(tcp), ws: () => webSocketConnector(webSocket) };
}

/** @returns what is wrong with a stream that counts, or that it is whole */
async function counted(
  results: AsyncIterable<{ readonly partial: boolean; text(): string }>,
  progress: Progress,
): Promise<string> {
  let next = 0;
  let last = '';
  for await (const result of results) {
    const text = result.text();
    progress.note();
    if (!result.partial) last = text;
    else if (text.startsWith(`${next} `)) next++;
    else return `expected ${next}, got ${text}`;
  }
  return last === `last ${next}` && next > 0 ? 'whole' : `${next} partials, and ${last}`;
}

describe('a session', () => {
  it('goes from WebSocket to TCP and back with its streams running', async () => {
    const { server, handled, events, state, tcp, ws } = await both();
    const client = await NnrpClient.connect(ws());
    cleanup.push(() => client.close({ drainTimeoutMs: 0 }));
    const session = await client.openSession({ maxInFlightOperations: STREAMS });
    const { sessionId } = session;
    const progress = new Progress();
    const operations = await Promise.all(Array.from({ length: STREAMS }, (_, number) => session.submit(`${number}`)));
    const reading = operations.map((operation) => counted(operation, progress));
    const went: string[] = [];
    for (const connector of [tcp(), ws(), ws(), tcp()]) {
      await progress.more(ALONE * STREAMS);
      const { from, to, sessions } = await client.migrate(connector);
      went.push(`${from.transport} ${to.transport} ${sessions}`);
    }
    await progress.more(ALONE * STREAMS);
    state.isGoing = false;
    expect(new Set(await Promise.all(reading))).toEqual(new Set(['whole']));
    expect(went).toEqual(['websocket tcp 1', 'tcp websocket 1', 'websocket websocket 1', 'websocket tcp 1']);
    expect([handled.size, [...handled.values()].filter((times) => times !== 1)]).toEqual([STREAMS, []]);
    expect([session.sessionId, server.sessionCount, events]).toEqual([sessionId, 1, []]);
  });

  it.each([
    ['WebSocket', 'TCP'],
    ['TCP', 'WebSocket'],
  ])('whose %s connection is lost is resumed over %s', async (from) => {
    const { server, handled, state, tcp, ws } = await both();
    const ways = from === 'TCP' ? [tcp(), ws()] : [ws(), tcp()];
    const used: FramedTransport[] = [];
    const connector: FramedConnector = {
      get kind() {
        return (ways[0] as FramedConnector).kind;
      },
      async connect(signal) {
        const transport = await (ways[0] as FramedConnector).connect(signal);
        used.push(transport);
        return transport;
      },
    };
    const client = await NnrpClient.connect(connector);
    cleanup.push(() => client.close({ drainTimeoutMs: 0 }));
    const session = await client.openSession();
    const progress = new Progress();
    const reading = counted(await session.submit('x'), progress);
    await progress.more(ALONE);
    ways.shift();
    const resumed = new Promise((resolve) => client.once('resumed', resolve));
    used[0]?.abort();
    await resumed;
    await progress.more(ALONE);
    state.isGoing = false;
    expect(await reading).toBe('whole');
    expect(used.map(({ kind }) => kind)).toEqual(from === 'TCP' ? ['tcp', 'websocket'] : ['websocket', 'tcp']);
    expect([handled.get('x'), server.sessionCount]).toEqual([1, 1]);
  });
});
