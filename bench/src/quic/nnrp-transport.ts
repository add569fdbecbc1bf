import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { FramedTransport, OutboundPacket } from 'nnrp-runtime/transport';
import type * as Quic from 'nnrp-transport-quic';
import type { Contestant } from './contestant.js';
import { packetContestant, type Receiver, type Wire } from './packet-contestant.js';

/* nnrp-transport-quic as sessions use it: packets through FramedTransport. */

const BODY_BYTES_AT = 16;
const FRAME_ID_AT = 24;

/** Made once: a transport reads it during `send` only. */
class Outbound implements OutboundPacket {
  head: Uint8Array = new Uint8Array(0);
  frameId = 0;
  body: Uint8Array = new Uint8Array(0);
  /** The bytes behind the view that was written to last: transports write many heads into one chunk. */
  private bytes: Uint8Array = new Uint8Array(0);

  get headBytes(): number {
    return this.head.length;
  }

  writeHead(view: DataView, start: number): void {
    if (this.bytes.buffer !== view.buffer) this.bytes = new Uint8Array(view.buffer);
    this.bytes.set(this.head, view.byteOffset + start);
    view.setUint32(start + BODY_BYTES_AT, this.body.length, true);
    view.setUint32(start + FRAME_ID_AT, this.frameId, true);
  }
}

const outbound = new Outbound();

function wireOver(transport: FramedTransport): Wire {
  return {
    send: (head, frameId, body) => {
      outbound.head = head;
      outbound.frameId = frameId;
      outbound.body = body;
      transport.send(outbound);
    },
    // The transport joins the packets of a turn itself.
    flush: () => {},
    close: () => transport.close(),
  };
}

function deliver<R extends Receiver>(transport: FramedTransport, receiver: R, closed: () => void): R {
  transport.start({
    packet: (packet) => receiver.packet(packet.frameId, false, packet.body),
    broken: (fault) => receiver.ended(new Error(`broken: ${fault.kind}`)),
    drained: () => {},
    closed: (error) => {
      closed();
      receiver.ended(error);
    },
  });
  return receiver;
}

/** Entry of a package as another checkout has built it. */
export function builtQuic(checkout: string): Promise<typeof Quic> {
  return import(pathToFileURL(join(checkout, 'packages/nnrp-transport-quic/dist/index.js')).href);
}

/** @param options - of both endpoints, on top of their defaults */
export function nnrpTransport(
  { QuicConnector, QuicFramedListener, QuicServerEndpointConfig }: typeof Quic,
  options: Quic.QuicEndpointOptions = {},
): Contestant {
  return packetContestant({
    async listen({ certificate, privateKey }, accepted) {
      let connections = 0;
      const config = QuicServerEndpointConfig.withCertificateChain('127.0.0.1:0', certificate, privateKey, options);
      const listener = await QuicFramedListener.bind(config);
      const acceptAll = async () => {
        for (;;) {
          const transport = await listener.accept();
          connections++;
          deliver(transport, accepted(wireOver(transport)), () => connections--);
        }
      };
      void acceptAll();
      return {
        port: Number(listener.address.slice(listener.address.lastIndexOf(':') + 1)),
        get connections() {
          return connections;
        },
      };
    },

    async connector(port, { certificate }) {
      const connector = new QuicConnector(`127.0.0.1:${port}`, { roots: certificate, ...options });
      return async (connected) => {
        const transport = await connector.connect();
        return deliver(transport, connected(wireOver(transport)), () => {});
      };
    },
  });
}
