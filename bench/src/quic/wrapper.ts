import { createHmac, getRandomValues, timingSafeEqual } from 'node:crypto';
import { events, QUICClient, type QUICConnection, QUICServer, QUICSocket, type QUICStream } from '@matrixai/quic';
import { PacketReader } from '../loopback/systems/raw-wire.js';
import type { Contestant } from './contestant.js';
import { packetContestant, type Receiver, type Wire } from './packet-contestant.js';

/*
 * `@matrixai/quic` as its documentation uses it: server, clients on one socket, a stream as web streams. It is the
 * library whose native layer nnrp-transport-quic drives. Clients verify the server as ours do; the server asks every
 * client to prove its address first.
 */

/** How the wrapper is used. */
export interface WrapperOptions {
  /** Joins what is sent in one turn into one write; otherwise each packet is a write. */
  readonly joined: boolean;
  /** Bytes of a datagram at most, and of one read. Absent: the wrapper's defaults, 1350 and 4096. */
  readonly sizes?: { readonly datagram: number; readonly read: number };
}

const HOST = '127.0.0.1';
const CONNECT_MS = 10_000;
const MAX_UDP_PAYLOAD_BYTES = 65_527;

type WrapperLogger = NonNullable<ConstructorParameters<typeof QUICServer>[0]['logger']>;

/** Says nothing. By default the wrapper writes a line to stderr for each step of each connection. */
const silent = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  getChild: () => silent,
} as unknown as WrapperLogger;

/** Writes packets to a web stream. */
function wireOver(stream: QUICStream, { joined }: WrapperOptions, close: () => Promise<void>): Wire {
  const writer = stream.writable.getWriter();
  let pieces: Uint8Array[] = [];
  // What ends the stream is told by its reader.
  const write = (bytes: Uint8Array) => void writer.write(bytes).catch(() => {});
  return {
    send: (head, frameId, body) => {
      const packet = Buffer.allocUnsafe(head.length + body.length);
      packet.set(head);
      packet.writeUInt32LE(body.length, 16);
      packet.writeUInt32LE(frameId, 24);
      packet.set(body, head.length);
      if (joined) pieces.push(packet);
      else write(packet);
    },
    flush: () => {
      if (pieces.length === 0) return;
      write(pieces.length === 1 ? (pieces[0] as Uint8Array) : Buffer.concat(pieces));
      pieces = [];
    },
    close,
  };
}

async function deliver(stream: QUICStream, wire: Wire, receiver: Receiver): Promise<void> {
  const reader = new PacketReader(receiver.packet);
  try {
    for await (const chunk of stream.readable as AsyncIterable<Buffer>) {
      reader.push(chunk);
      wire.flush();
    }
    receiver.ended();
  } catch (error) {
    receiver.ended(error as Error);
  }
}

/** @returns the contestant that uses the wrapper in this way */
export function wrapper(options: WrapperOptions): Contestant {
  const { sizes } = options;
  const sized =
    sizes === undefined
      ? {}
      : {
          maxSendUdpPayloadSize: sizes.datagram,
          maxRecvUdpPayloadSize: MAX_UDP_PAYLOAD_BYTES,
          readableChunkSize: sizes.read,
        };
  return packetContestant({
    async listen({ certificate, privateKey }, accepted) {
      let connections = 0;
      const config = { ...sized, key: privateKey, cert: certificate };
      const server = new QUICServer({ crypto: serverCrypto(), config, logger: silent });
      server.addEventListener(events.EventQUICServerConnection.name, (event: Event) => {
        const { detail: connection } = event as unknown as { readonly detail: QUICConnection };
        connections++;
        connection.addEventListener(events.EventQUICConnectionStopped.name, () => connections--);
        connection.addEventListener(events.EventQUICConnectionStream.name, (opened: Event) => {
          const { detail: stream } = opened as unknown as { readonly detail: QUICStream };
          const wire = wireOver(stream, options, async () => {});
          void deliver(stream, wire, accepted(wire));
        });
      });
      await server.start({ host: HOST, port: 0 });
      return {
        port: server.port,
        get connections() {
          return connections;
        },
      };
    },

    async connector(port, { certificate }) {
      const socket = new QUICSocket({ logger: silent });
      await socket.start({ host: HOST, port: 0 });
      const randomBytes = async (bytes: ArrayBuffer) => {
        getRandomValues(new Uint8Array(bytes));
      };
      return async (connected) => {
        const client = await QUICClient.createQUICClient(
          {
            host: HOST,
            port,
            socket,
            // It compares names of certificates with host names only.
            serverName: 'localhost',
            crypto: { ops: { randomBytes } },
            config: { ...sized, ca: certificate },
            logger: silent,
          },
          { timer: CONNECT_MS },
        );
        const stream = client.connection.newStream();
        const wire = wireOver(stream, options, () => client.destroy());
        const receiver = connected(wire);
        void deliver(stream, wire, receiver);
        return receiver;
      };
    },
  });
}

/** What the server signs the ids of its clients with. */
function serverCrypto(): ConstructorParameters<typeof QUICServer>[0]['crypto'] {
  const mac = (key: ArrayBuffer, data: ArrayBuffer) =>
    createHmac('sha256', new Uint8Array(key)).update(new Uint8Array(data)).digest();
  return {
    key: getRandomValues(new Uint8Array(32)).buffer,
    ops: {
      sign: async (key, data) => Uint8Array.from(mac(key, data)).buffer,
      verify: async (key, data, signature) => {
        const expected = mac(key, data);
        return expected.length === signature.byteLength && timingSafeEqual(expected, new Uint8Array(signature));
      },
    },
  };
}
