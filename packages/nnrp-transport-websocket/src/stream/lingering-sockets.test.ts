import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { afterEach, expect, it } from 'vitest';
import { WebSocketStream } from './websocket-stream.js';

const sockets: Duplex[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

/** What is written has been taken, and the other end never says anything. */
function silentPeer(): Duplex {
  const socket = new Duplex({ read: () => {}, write: (_chunk, _encoding, taken) => taken() });
  sockets.push(socket);
  const nothing = () => socket;
  return Object.assign(socket, { setTimeout: nothing, setNoDelay: nothing, setKeepAlive: nothing });
}

it('lets 256 peers of connections that are over take the close frame, and then cuts the one that has had most time for it', () => {
  for (let count = 0; count < 300; count++) {
    const facts = { remoteAddress: 'a peer', isServer: true, head: new Uint8Array(0) };
    new WebSocketStream(silentPeer() as unknown as Socket, facts).destroy(new Error('no room'));
  }
  expect(sockets.map(({ destroyed }) => destroyed)).toEqual(Array.from({ length: 300 }, (_, index) => index < 44));
});
