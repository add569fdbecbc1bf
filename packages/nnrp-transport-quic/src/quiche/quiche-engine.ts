import type { QuicEngine } from '../engine.js';
import { QuicheClientSocket } from './quiche-client-socket.js';
import { QuicheServerSocket } from './quiche-server-socket.js';

/** QUIC by quiche, driven over node:dgram. */
export const quicheEngine: QuicEngine = {
  listen: (settings, events) => QuicheServerSocket.bind(settings, events),
  dial: (server, settings) => new QuicheClientSocket(server, settings),
};
