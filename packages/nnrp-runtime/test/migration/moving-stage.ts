import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as passing } from 'node:timers/promises';
import { expect } from 'vitest';
import { NnrpClient } from '../../src/client/client.js';
import type { NnrpClientOptions } from '../../src/client/contract/client-config.js';
import type { ClientOperation } from '../../src/client/results/client-operation.js';
import type { OperationContext } from '../../src/server/contract/contract.js';
import type { NnrpServerOptions } from '../../src/server/contract/server-config.js';
import type { ServeHandlers } from '../../src/server/serve/serve-handlers.js';
import { NnrpServer } from '../../src/server/server.js';
import { parseAddress } from '../../src/transport/address/address.js';
import type { FramedConnector } from '../../src/transport/contract/contract.js';
import { IpcConnector, IpcListener } from '../../src/transport/ipc/ipc.js';
import { StreamTransport } from '../../src/transport/stream/stream-transport.js';
import { TcpConnector, TcpListener } from '../../src/transport/tcp/tcp.js';
import { TlsConnector, TlsListener } from '../../src/transport/tls/tls.js';
import { issue } from '../support/certificates.js';
import { eventually } from '../support/eventually.js';
import { freePath } from '../transport/ipc/ipc-carrier.js';

const ANY_PORT = '127.0.0.1:0';
const root = await issue({ name: 'CN=root', authority: true, ips: ['127.0.0.1'] });

/** What has happened at a server, and each submit that has reached it. */
export class Ledger {
  readonly handled = new Map<string, number>();
  readonly lost: string[] = [];
  readonly suspended: number[] = [];
  readonly resumed: number[] = [];
  readonly defects: unknown[] = [];

  watch(server: NnrpServer): void {
    server.on('connectionLost', ({ error }) => this.lost.push(error.message));
    server.on('sessionSuspended', ({ sessionId }) => this.suspended.push(sessionId));
    server.on('sessionResumed', ({ sessionId }) => this.resumed.push(sessionId));
    for (const event of ['protocolViolation', 'internalError', 'handlerFailure'] as const)
      server.on(event, (defect: unknown) => void this.defects.push(defect));
  }
}

/** Yields as many numbers as the submit asks for, with turns in between, or more slowly where it asks for `slow`. */
export function counting(ledger: Ledger, isGoing: () => boolean): ServeHandlers['submit'] {
  return async function* count(operation: OperationContext) {
    const id = operation.text();
    ledger.handled.set(id, (ledger.handled.get(id) ?? 0) + 1);
    let number = 0;
    while (isGoing()) {
      yield `${number++} `;
      await new Promise((resolve) => setTimeout(resolve, 1 + (number % 3)));
    }
    return `last ${number}`;
  };
}

/** One server on TCP, TLS and a Unix domain socket, and its clients; `clear` ends them. */
export class MovingStage {
  private readonly undo: (() => unknown)[] = [];
  readonly ledger = new Ledger();
  isGoing = true;

  async serve(config: NnrpServerOptions = {}, handlers: Partial<ServeHandlers> = {}): Promise<MovingServer> {
    const server = await NnrpServer.listenOn(
      [
        (options) => TcpListener.bind(ANY_PORT, options),
        (options) => TlsListener.bind(ANY_PORT, { certificateChain: root.certificate, privateKey: root.key }, options),
        (options) => IpcListener.bind(freePath(), {}, options),
      ],
      { drainTimeoutMs: 0, deadlines: false, maxInFlightOperations: 64, grantedOperationCredit: 64, ...config },
    );
    this.ledger.watch(server);
    server.serve({ submit: counting(this.ledger, () => this.isGoing), ...handlers }).catch(() => {});
    this.undo.push(() => server.close());
    return new MovingServer(server);
  }

  async client(connector: FramedConnector, config: NnrpClientOptions = {}): Promise<NnrpClient> {
    const client = await NnrpClient.connect(connector, { reconnectBackoffMs: 1, closeTimeoutMs: 500, ...config });
    client.on('internalError', ({ error }) => this.ledger.defects.push(error));
    client.on('protocolViolation', ({ error }) => this.ledger.defects.push(error));
    this.undo.push(() => client.close({ drainTimeoutMs: 0 }));
    return client;
  }

  async clear(): Promise<void> {
    this.isGoing = false;
    for (const undo of this.undo.splice(0).reverse()) await undo();
  }
}

export class MovingServer {
  constructor(readonly server: NnrpServer) {}

  get tcp(): FramedConnector {
    return new TcpConnector(this.address(0));
  }

  get tls(): FramedConnector {
    return new TlsConnector(this.address(1), { roots: root.certificate });
  }

  get ipc(): FramedConnector {
    return new IpcConnector(this.address(2));
  }

  /** By TCP, but it says of itself that it is QUIC: so the server is asked before anything moves. */
  get asQuic(): FramedConnector {
    return this.own('quic', () => {});
  }

  address(index: number): string {
    return this.server.endpoints[index]?.localAddress ?? '';
  }

  /** By TCP, of a kind of one's own. @param came - gets the socket */
  own(kind: string, came: (socket: ReturnType<typeof connect>) => void, address = this.address(0)): FramedConnector {
    return {
      kind,
      async connect() {
        const socket = connect({ ...parseAddress(address), noDelay: true });
        await once(socket, 'connect');
        came(socket);
        return new StreamTransport(socket, { kind, remoteAddress: address });
      },
    };
  }
}

/** Reads a stream to its end. @returns what was wrong with it: nothing */
export async function readCount(operation: AsyncIterable<{ readonly partial: boolean; text(): string }>) {
  let next = 0;
  let last = '';
  for await (const result of operation) {
    if (result.partial) {
      // Several may have come as one text; each number is a result of its own here.
      const text = result.text();
      if (text !== `${next} `) return `expected ${next}, got ${text}`;
      next++;
    } else last = result.text();
  }
  return last === `last ${next}` ? 'whole' : `${next} partials, and ${last}`;
}

/** A client with two streams in progress, by a connection that the test can cut. */
export async function streaming(stage: MovingStage, place: MovingServer, config: NnrpClientOptions = {}) {
  const sockets: Socket[] = [];
  const client = await stage.client(
    place.own('tcp', (socket) => sockets.push(socket)),
    config,
  );
  const session = await client.openSession();
  const operations = await Promise.all([session.submit('one'), session.submit('two')]);
  const reading = operations.map(readCount);
  // A test may end before its streams do; those that it waits for are judged there.
  for (const read of reading) read.catch(() => {});
  const heard: string[] = [];
  for (const name of ['suspended', 'resumed', 'migrated', 'lost', 'closed'] as const)
    client.on(name, () => heard.push(name));
  return { client, session, operations: operations as ClientOperation[], reading, heard, sockets };
}

/** Everything is where it was, and goes on. */
export async function unmoved(
  stage: MovingStage,
  { client, reading, heard }: Awaited<ReturnType<typeof streaming>>,
  place: MovingServer,
): Promise<void> {
  expect(client.remoteAddress).toBe(place.address(0));
  await passing(20);
  expect(heard).toEqual([]);
  await eventually(() => place.server.connectionCount === 1, 'one connection is left');
  stage.isGoing = false;
  expect(await Promise.all(reading)).toEqual(['whole', 'whole']);
  expect([stage.ledger.suspended, stage.ledger.defects]).toEqual([[], []]);
}
