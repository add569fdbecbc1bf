import type { QuicEngine } from '../engine.js';
import { QuinnClientSocket } from './quinn-client-socket.js';
import { QuinnServerSocket } from './quinn-server-socket.js';

/** QUIC by quinn-proto in WebAssembly, driven over node:dgram. */
export const quinnEngine: QuicEngine = {
  listen: (settings, events) => QuinnServerSocket.bind(settings, events),
  dial: (server, settings) => new QuinnClientSocket(server, settings),
};
