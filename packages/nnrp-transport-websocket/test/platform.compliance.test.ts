import { transportCompliance } from 'nnrp-runtime/testing';
import { describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { type PlatformWebSocketClass, type WebSocketClientOptions, webSocketConnector } from '../src/browser/index.js';
import { WebSocketListener } from '../src/index.js';

const stallTimeoutMs = 1000;
/** The library has the interface of browsers, too. */
const Platform = WebSocket as unknown as PlatformWebSocketClass;

async function listen() {
  const listener = await WebSocketListener.bind('127.0.0.1:0', { stallTimeoutMs });
  const connector = webSocketConnector(listener.address, { WebSocket: Platform, stallTimeoutMs, closeTimeoutMs: 2000 });
  return { listener, connect: () => connector.connect(), close: () => listener.close() };
}

describe("a platform's WebSocket", () => {
  for (const { name, run } of transportCompliance({ stallTimeoutMs, listen })) it(name, run);

  it('ends its connection when too much comes while it is paused', async () => {
    const listener = await WebSocketListener.bind('127.0.0.1:0');
    const options: WebSocketClientOptions = { WebSocket: Platform, maxHeldBytes: 1000 };
    const [client, server] = await Promise.all([
      webSocketConnector(listener.address, options).connect(),
      listener.accept(),
    ]);
    const head = Buffer.from(`4e4e5250010020280000000000000000d0070000${'00'.repeat(20)}`, 'hex');
    server.send({
      headBytes: 40,
      writeHead: (view, start) => new Uint8Array(view.buffer, view.byteOffset + start, 40).set(head),
      body: new Uint8Array(2000),
    });
    const error = await new Promise((resolve) => {
      server.start({ packet: () => {}, broken: () => {}, drained: () => {}, closed: resolve });
    });
    expect(error).toMatchObject({ message: expect.stringMatching(/close code 4009/) });
    client.abort();
    await listener.close();
  });

  it('sends without waiting where the platform does not say how much waits', async () => {
    class Untold extends WebSocket {}
    Object.defineProperty(Untold.prototype, 'bufferedAmount', { value: undefined });
    const listener = await WebSocketListener.bind('127.0.0.1:0');
    const options = { WebSocket: Untold as unknown as PlatformWebSocketClass, highWaterBytes: 1 };
    const [client, server] = await Promise.all([
      webSocketConnector(listener.address, options).connect(),
      listener.accept(),
    ]);
    const head = Buffer.from(`4e4e5250010020280000000000000000d0070000${'00'.repeat(20)}`, 'hex');
    const accepted = client.send({
      headBytes: 40,
      writeHead: (view, start) => new Uint8Array(view.buffer, view.byteOffset + start, 40).set(head),
      body: new Uint8Array(2000),
    });
    expect([accepted, client.unsentBytes]).toEqual([true, 0]);
    const length = await new Promise((resolve) => {
      server.start({ packet: ({ body }) => resolve(body.length), broken: resolve, drained: () => {}, closed: resolve });
    });
    expect(length).toBe(2000);
    client.abort();
    await listener.close();
  });

  it('sends a query, and shows it to nobody: it may hold a token', async () => {
    const connector = webSocketConnector('ws://127.0.0.1:1/nnrp?token=secret', { WebSocket: Platform });
    const failed = await connector.connect().catch((error: Error) => error);
    expect(failed).toMatchObject({ message: expect.stringContaining('cannot connect to ws://127.0.0.1:1/nnrp:') });
    expect(`${failed} ${JSON.stringify(connector)}`).not.toContain('secret');
  });

  it('offers no sub-protocol to a server that agrees on none, where it is told so', async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => false });
    const offers: unknown[] = [];
    server.on('connection', (_socket, request) => offers.push(request.headers['sec-websocket-protocol']));
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { readonly port: number };
    const connect = (offerSubprotocol?: boolean) =>
      webSocketConnector(`ws://127.0.0.1:${port}/nnrp`, { WebSocket: Platform, offerSubprotocol }).connect();
    await expect(connect()).rejects.toThrow('cannot connect to');
    const transport = await connect(false);
    expect(offers.at(-1)).toBeUndefined();
    transport.abort();
    await new Promise((resolve) => server.close(resolve));
  });

  it.each([
    ['http://127.0.0.1/', {}, /expected a URL/],
    ['ws://user:secret@127.0.0.1/', {}, /user or password/],
    ['ws://127.0.0.1/', { WebSocket: 1 }, /this platform has none/],
    ['ws://127.0.0.1/', { WebSocket: Platform, highWaterBytes: 0 }, /highWaterBytes/],
    ['ws://127.0.0.1/', { WebSocket: Platform, offerSubprotocol: 'no' }, /offerSubprotocol takes true or false/],
    ['ws://127.0.0.1/', { WebSocket: Platform, roots: 'x' }, /no option 'roots'/],
  ])('refuses %s with %o', (url, options, message) => {
    expect(() => webSocketConnector(url, options as WebSocketClientOptions)).toThrow(message);
  });
});
