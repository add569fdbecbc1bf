import type { NnrpError, Packet } from 'nnrp-core';
import { CONNECTION_END, CONNECTION_OPEN, PACKET_RECEIVE, PACKET_SEND } from '../base/diagnostics/channels.js';
import type { DiagnosticsConnection, DiagnosticsRole } from '../base/diagnostics/messages.js';
import type { FramedTransport, OutboundPacket, TransportKind } from '../transport/contract/contract.js';
import { remoteAddressOf } from './transport-end.js';

/** What has come and gone over a connection, counted, and told to whoever listens. */
export abstract class CountedConnection implements DiagnosticsConnection {
  remoteAddress: string;
  /** Packets received so far, those of which nothing is known but their header included. */
  packetCount = 0;
  receivedBytes = 0;
  sentBytes = 0;

  protected constructor(protected readonly transport: FramedTransport) {
    this.remoteAddress = remoteAddressOf(transport);
  }

  abstract readonly role: DiagnosticsRole;

  get transportKind(): TransportKind {
    return this.transport.kind;
  }

  protected came(packet: Packet): void {
    this.packetCount++;
    this.receivedBytes += packet.byteLength;
    if (PACKET_RECEIVE.hasSubscribers) {
      const head = new Uint8Array(packet.bytes.subarray(packet.start, packet.metadataStart + packet.metadataLength));
      PACKET_RECEIVE.publish({ connection: this, head, bodyBytes: packet.bodyLength });
    }
  }

  /** @throws what `writeHead` throws */
  packetLeaves(packet: OutboundPacket): void {
    if (PACKET_SEND.hasSubscribers) {
      const head = new Uint8Array(packet.headBytes);
      packet.writeHead(new DataView(head.buffer), 0, head);
      PACKET_SEND.publish({ connection: this, head, bodyBytes: packet.bodyLength ?? packet.body.length });
    }
    this.sentBytes += packet.headBytes + (packet.bodyLength ?? packet.body.length);
  }

  protected isOpen(): void {
    if (CONNECTION_OPEN.hasSubscribers) CONNECTION_OPEN.publish({ connection: this });
  }

  protected isOver(error: NnrpError): void {
    if (CONNECTION_END.hasSubscribers) CONNECTION_END.publish({ connection: this, error });
  }
}
