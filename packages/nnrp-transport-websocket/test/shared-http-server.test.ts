import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createConnection, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../../nnrp-runtime/test/support/eventually.js';
import { freePath } from '../../nnrp-runtime/test/transport/ipc/ipc-carrier.js';
import { bindWebSocket, connectWebSocket, type WebSocketServerOptions } from '../src/index.js';
import { connectTo, readHead, upgradeRequest } from './upgrading.js';

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const each of undo.splice(0).reverse()) await each();
});

async function httpServer(where: { readonly port: number; readonly host: string } | { readonly path: string }) {
  const http = createServer((_, response) => response.end('page'));
  http.listen(where);
  await once(http, 'listening');
  undo.push(() => {
    http.close();
    http.closeAllConnections();
  });
  return http;
}

async function attach(server: Server, path: string, options: WebSocketServerOptions = {}) {
  const bound = await bindWebSocket({ server, path }, options);
  undo.push(() => bound.close());
  bound.serve({ submit: (operation) => `${path}: ${operation.text()}` }).catch(() => {});
  return bound;
}

async function answer(url: string): Promise<string> {
  const client = await connectWebSocket(url);
  undo.push(() => client.close());
  return (await (await client.openSession()).request('hello')).text();
}

describe('several servers at paths of one HTTP server', () => {
  it('each take their own upgrades, and one at no path is refused', async () => {
    const http = await httpServer({ port: 0, host: '127.0.0.1' });
    const [one, two] = [await attach(http, '/a'), await attach(http, '/b')];
    expect(await answer(one.localAddress)).toBe('/a: hello');
    expect(await answer(two.localAddress)).toBe('/b: hello');
    const socket = await connectTo(one.localAddress);
    undo.push(() => socket.destroy());
    socket.write(upgradeRequest('/c'));
    expect(await readHead(socket)).toMatch(/^HTTP\/1.1 404/);
    await one.close();
    expect(await answer(two.localAddress)).toBe('/b: hello');
    await two.close();
    expect(http.listenerCount('upgrade')).toBe(0);
    await attach(http, '/a');
  });

  it('live when an upgrade at no path is cut, also beside one of the application that leaves it alone', async () => {
    const http = await httpServer({ port: 0, host: '127.0.0.1' });
    const [one] = [await attach(http, '/a'), await attach(http, '/b')];
    const left: Socket[] = [];
    for (const hasOther of [false, true]) {
      if (hasOther) http.on('upgrade', (_, socket: Socket) => left.push(socket));
      const before = left.length;
      const socket = await connectTo(one.localAddress);
      socket.on('error', () => {});
      socket.write(upgradeRequest('/c'));
      if (hasOther) await eventually(() => left.length > before, 'the application has it');
      else await readHead(socket);
      socket.resetAndDestroy();
      if (hasOther) await eventually(() => left.every(({ destroyed }) => destroyed), 'it is gone');
    }
    expect(await answer(one.localAddress)).toBe('/a: hello');
  });

  it('cannot be at the same path', async () => {
    const http = await httpServer({ port: 0, host: '127.0.0.1' });
    const one = await attach(http, '/a');
    await expect(bindWebSocket({ server: http, path: '/a' })).rejects.toMatchObject({
      code: 'NNRP_ERR_USAGE',
      rawMessage: "path: NNRP is spoken at '/a' of this server already",
    });
    expect(await answer(one.localAddress)).toBe('/a: hello');
  });

  it.each([
    ['Express', Object.assign(() => {}, { on() {} }), 'a function'],
    ['Fastify', { server: createServer(), listen() {} }, 'an object with server, listen'],
  ])('say where an application of %s has its server', async (_, application, shown) => {
    await expect(bindWebSocket({ server: application as never })).rejects.toMatchObject({
      code: 'NNRP_ERR_USAGE',
      rawMessage: `server: expected a server of node:http or node:https, as app.listen() of Express returns and app.server of Fastify is, got ${shown}`,
    });
  });
});

describe('upgrades over a Unix domain socket, whose ends have no addresses', () => {
  it('are bounded in number and in time, each by itself', async () => {
    const path = freePath().replace(/^unix:/, '');
    const http = await httpServer({ path });
    const failures: string[] = [];
    await attach(http, '/', {
      identify: () => new Promise(() => {}),
      handshakeTimeoutMs: 300,
      maxHandshakes: 2,
      onHandshakeFailure: (error) => failures.push(error.message),
    });
    const sockets = await Promise.all(
      Array.from({ length: 5 }, async () => {
        const socket = createConnection({ path });
        await once(socket, 'connect');
        socket.on('error', () => {}).resume();
        socket.write(upgradeRequest('/'));
        return socket;
      }),
    );
    await eventually(() => sockets.every(({ closed }) => closed), 'all of them are cut');
    expect(failures.filter((text) => /made room/.test(text))).toHaveLength(3);
    expect(failures.filter((text) => /no WebSocket upgrade within 300 ms/.test(text))).toHaveLength(2);
  });
});
