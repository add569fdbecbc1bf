import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { NnrpClient, type NnrpClientSession, NnrpServer, type NnrpServerOptions } from 'nnrp-runtime';
import OpenAI from 'openai';
import {
  createOpenAiServer,
  type OpenAiHandlerOptions,
  type OpenAiServer,
  type OpenAiServerOptions,
  openAiHandler,
} from '../src/index.js';
import { type Answer, ModelServer } from './stand-in/model-server.js';

export interface Gateway {
  readonly model: ModelServer;
  readonly nnrp: NnrpServer;
  readonly http: OpenAiServer;
  /** The `baseURL` of clients. */
  readonly baseUrl: string;
  /** The official client, at the model server itself. */
  readonly direct: OpenAI;
  /** The same through the gateway. */
  readonly through: OpenAI;
}

/** A model server, an NNRP server in front of it, and an HTTP server in front of that; `clear` ends them. */
export class GatewayStage {
  readonly #ends: (() => Promise<unknown>)[] = [];
  /** What handlers have thrown that was no HandlerError. */
  readonly failures: unknown[] = [];

  async model(answer: Answer): Promise<ModelServer> {
    const model = await ModelServer.start(answer);
    this.#ends.push(() => model.stop());
    return model;
  }

  /** A model server that is a bare socket. @param answer - once something has come @returns its base URL */
  async rawModel(answer: (socket: Socket) => void): Promise<string> {
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => {});
      socket.once('data', () => answer(socket));
    });
    this.#ends.push(async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as { port: number }).port}/v1`;
  }

  async nnrp(options: OpenAiHandlerOptions, config: NnrpServerOptions = {}) {
    const server = await NnrpServer.bindTcp('127.0.0.1:0', {
      drainTimeoutMs: 0,
      maxInFlightOperations: 64,
      grantedOperationCredit: 64,
      ...config,
    });
    const handler = openAiHandler(options);
    server.on('handlerFailure', ({ error }) => this.failures.push(error));
    server.serve(handler).catch(() => {});
    this.#ends.push(async () => {
      await server.close();
      await handler.destroy();
    });
    return { server, handler };
  }

  async session(server: NnrpServer): Promise<NnrpClientSession> {
    const client = await this.connect(server);
    return client.openSession({ maxInFlightOperations: 0 });
  }

  async connect(server: NnrpServer): Promise<NnrpClient> {
    const client = await NnrpClient.connectTcp(server.localAddress, { reconnect: 'never' });
    this.#ends.push(() => client.close());
    return client;
  }

  async http(connect: () => Promise<NnrpClient>, options: OpenAiServerOptions = {}) {
    const http = createOpenAiServer(connect, options);
    this.#ends.push(() => http.close({ drainTimeoutMs: 0 }));
    return { http, baseUrl: await http.listen('127.0.0.1:0') };
  }

  async gateway(
    answer: Answer,
    options: OpenAiServerOptions = {},
    handler: Partial<OpenAiHandlerOptions> = {},
    config: NnrpServerOptions = {},
  ): Promise<Gateway> {
    const model = await this.model(answer);
    const { server: nnrp } = await this.nnrp({ baseUrl: model.baseUrl, ...handler }, config);
    const { http, baseUrl } = await this.http(() => NnrpClient.connectTcp(nnrp.localAddress), options);
    const [direct, through] = [model.baseUrl, baseUrl].map((url) => official(url)) as [OpenAI, OpenAI];
    return { model, nnrp, http, baseUrl, direct, through };
  }

  async clear(): Promise<void> {
    for (const end of this.#ends.splice(0).reverse()) await end();
  }
}

export function official(baseURL: string, apiKey = 'key'): OpenAI {
  return new OpenAI({ baseURL, apiKey, maxRetries: 0, timeout: 30_000 });
}

/** Lets the event loop turn until the condition holds. @throws Error when it does not within 20 seconds */
export async function eventually(condition: () => boolean, what: string): Promise<void> {
  const endMs = performance.now() + 20_000;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`timed out waiting until ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}
