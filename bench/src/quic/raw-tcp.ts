import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { listening } from '../loopback/systems/listening.js';
import { PacketReader, writer } from '../loopback/systems/raw-wire.js';
import { packetContestant, type Receiver, type Wire } from './packet-contestant.js';

/* What Node can do at most without encryption: packets over sockets, joined by turn. */

function wireOver(socket: Socket): Wire {
  return {
    send: (head, frameId, body) => writer.packet(socket, head, frameId, body),
    flush: () => writer.flush(socket),
    close: async () => {
      socket.end();
    },
  };
}

function deliver<R extends Receiver>(socket: Socket, wire: Wire, receiver: R): R {
  const reader = new PacketReader(receiver.packet);
  let failure: Error | undefined;
  socket.on('data', (chunk) => {
    reader.push(chunk);
    wire.flush();
  });
  socket.on('error', (error) => {
    failure = error;
  });
  socket.on('close', () => receiver.ended(failure));
  return receiver;
}

export const rawTcp = packetContestant({
  async listen(_credentials, accepted) {
    let connections = 0;
    const server = createServer({ noDelay: true }, (socket) => {
      connections++;
      socket.on('close', () => connections--);
      const wire = wireOver(socket);
      deliver(socket, wire, accepted(wire));
    });
    const port = await listening(server);
    return {
      port,
      get connections() {
        return connections;
      },
    };
  },

  connector: async (port) => async (connected) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    const wire = wireOver(socket);
    return deliver(socket, wire, connected(wire));
  },
});
