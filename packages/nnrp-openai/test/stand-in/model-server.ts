import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request that the model server has had. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Record<string, unknown>;
  /** Resolves when its connection or its answer is over. */
  readonly over: Promise<void>;
  /** Whether the answer was ended by the other side. */
  isAborted: boolean;
}

export type Answer = (response: ServerResponse, asked: Asked) => unknown;

/** Listens on a port of its own; each test says how it answers. */
export class ModelServer {
  readonly asked: Asked[] = [];
  readonly #server: Server;
  answer: Answer;

  private constructor(answer: Answer) {
    this.answer = answer;
    this.#server = createServer((request, response) => void this.#take(request, response));
  }

  static async start(answer: Answer): Promise<ModelServer> {
    const model = new ModelServer(answer);
    model.#server.listen(0, '127.0.0.1');
    await once(model.#server, 'listening');
    return model;
  }

  get baseUrl(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1`;
  }

  get aborted(): number {
    return this.asked.filter(({ isAborted }) => isAborted).length;
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const chunk of request.setEncoding('utf8')) text += chunk;
    let asked: Asked | undefined;
    const over = new Promise<void>((resolve) => {
      response.on('close', () => {
        if (asked !== undefined && !response.writableFinished) asked.isAborted = true;
        resolve();
      });
    });
    const { method = '', url: path = '', headers } = request;
    asked = { method, path, headers, body: text === '' ? {} : JSON.parse(text), over, isAborted: false };
    this.asked.push(asked);
    response.on('error', () => {});
    await this.answer(response, asked);
  }
}

/** Headers of a stream of events. */
export function beginEvents(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'x-request-id': 'req_upstream' });
}

/** Each piece leaves by itself, so that the other side may see it by itself. */
export async function writePieces(response: ServerResponse, pieces: Iterable<string | Uint8Array>): Promise<void> {
  for (const piece of pieces) {
    if (response.destroyed) return;
    // A response whose socket is gone says so no earlier than in the next turn, and calls back at once.
    await new Promise<void>((resolve) => response.write(piece, (error) => (error ? setImmediate(resolve) : resolve())));
  }
}

/** A stream of events, in pieces of so many bytes. */
export function replay(text: string, pieceBytes = Number.POSITIVE_INFINITY): Answer {
  const bytes = Buffer.from(text);
  return async (response) => {
    beginEvents(response);
    const pieces: Uint8Array[] = [];
    const length = Math.min(pieceBytes, bytes.length);
    for (let at = 0; at < bytes.length; at += length) pieces.push(bytes.subarray(at, at + length));
    await writePieces(response, pieces);
    response.end();
  };
}

export function json(status: number, value: unknown, headers: Record<string, string> = {}): Answer {
  return (response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(value));
  };
}
