import { isNnrpError, TransportError } from 'nnrp-core';
import { InFlightPolicy } from 'nnrp-core/preview3';
import { NnrpClient } from '../../../src/client/client.js';
import type { NnrpClientOptions } from '../../../src/client/contract/client-config.js';
import type { ClientOperation } from '../../../src/client/results/client-operation.js';
import type { OperationContext } from '../../../src/server/contract/contract.js';
import type { NnrpServer } from '../../../src/server/server.js';
import type { FramedTransport } from '../../../src/transport/contract/contract.js';
import { carrier } from '../../support/carrier.js';
import { eventually } from '../../support/eventually.js';
import { Stage } from '../../support/stage.js';

/** A client whose process a test can end, as far as its server and its sessions can tell. */
export class MortalClient {
  private isDead = false;
  private readonly transports: FramedTransport[] = [];

  private constructor(
    private readonly address: string,
    readonly client: Promise<NnrpClient>,
  ) {}

  static connect(address: string, config: NnrpClientOptions = {}): MortalClient {
    const connector = { kind: 'tcp' as const, connect: () => mortal.dial() };
    const mortal: MortalClient = new MortalClient(
      address,
      Promise.resolve().then(() =>
        NnrpClient.connect(connector, { reconnectBackoffMs: 1, closeTimeoutMs: 50, ...config }),
      ),
    );
    return mortal;
  }

  /** It vanishes without a word, and does not come back. */
  kill(): void {
    this.isDead = true;
    for (const transport of this.transports) transport.abort();
  }

  /** Its connection is lost, and it comes back. */
  cut(): void {
    this.transports.at(-1)?.abort();
  }

  private async dial(): Promise<FramedTransport> {
    if (this.isDead) throw new TransportError('this client is dead');
    const transport = await carrier.connect(this.address);
    this.transports.push(transport);
    return transport;
  }
}

/** What tickets do, they do over either. */
export const REVISIONS = ['preview3', 'preview4'] as const;

/** A server, clients that come and go, and the operations of both. */
export class TicketStage {
  readonly stage = new Stage();
  /** Of clients that are not told another one. */
  revision: (typeof REVISIONS)[number] = 'preview3';
  private readonly clients: NnrpClient[] = [];

  async server(config: Parameters<Stage['serve']>[0] = {}) {
    const server = await this.stage.serve({ maxInFlightOperations: 8, ...config });
    const operations = new Map<number, OperationContext>();
    void server.serve({
      submit: async (operation) => {
        operations.set(operation.frameId, operation);
        await operation.finished;
      },
    });
    const operation = async (frameId: number): Promise<OperationContext> => {
      await eventually(() => operations.has(frameId), `frame ${frameId} has come`);
      return operations.get(frameId) as OperationContext;
    };
    return { server, operations, operation };
  }

  async mortal(server: NnrpServer, config: NnrpClientOptions = {}) {
    const mortal = MortalClient.connect(server.localAddress, { revision: this.revision, ...config });
    const client = await mortal.client;
    this.clients.push(client);
    return { mortal, client };
  }

  async client(server: NnrpServer, config: NnrpClientOptions = {}): Promise<NnrpClient> {
    return (await this.mortal(server, config)).client;
  }

  /** A session whose handler works on one operation, which waits. */
  async scene() {
    const { server, operation } = await this.server();
    const { mortal, client } = await this.mortal(server);
    const session = await client.openSession({ defaultDeadlineMs: 0 });
    const submitted = await session.submit('work');
    return { server, operation, mortal, client, session, submitted, work: await operation(submitted.frameId) };
  }

  async clear(): Promise<void> {
    const abort = { inFlightPolicy: InFlightPolicy.Abort, drainTimeoutMs: 0 };
    await Promise.all([this.stage.clear(), ...this.clients.splice(0).map((client) => client.close(abort))]);
  }
}

/** Reads so many texts of a loop. */
export async function read(texts: AsyncIterator<string>, count: number): Promise<string[]> {
  const found: string[] = [];
  while (found.length < count) {
    const { value, done } = await texts.next();
    if (done === true) break;
    found.push(value);
  }
  return found;
}

/** Reads what is left. */
export function rest(operation: ClientOperation | undefined): Promise<string> {
  if (operation === undefined) throw new Error('there is no such operation');
  return operation.wholeText();
}

/** Code and text of what a promise rejects with. */
export function codeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'no error',
    (error: unknown) => (isNnrpError(error) ? `${error.code}: ${error.rawMessage}` : error),
  );
}
