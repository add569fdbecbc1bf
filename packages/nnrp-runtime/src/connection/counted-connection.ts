import type { Packet } from 'nnrp-core';
import type { DiagnosticsConnection, DiagnosticsRole } from '../base/diagnostics/messages.js';
import { observer } from '../base/diagnostics/observer.js';
import type { FramedTransport, OutboundPacket, TransportKind } from '../transport/contract/contract.js';
import type { ProtocolAdvice } from './errors/framing-error.js';
import { remoteAddressOf } from './transport-end.js';

/** What has come and gone over a connection, counted, and told to subscribers. */
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
  /** What a peer that speaks something else may be. */
  protected abstract get protocolAdvice(): ProtocolAdvice;

  get transportKind(): TransportKind {
    return this.transport.kind;
  }

  protected came(packet: Packet): void {
    this.packetCount++;
    this.receivedBytes += packet.byteLength;
    observer?.came(this, packet);
  }

  /** @throws what `writeHead` throws */
  packetLeaves(packet: OutboundPacket): void {
    observer?.leaves(this, packet);
    this.sentBytes += packet.headBytes + (packet.bodyLength ?? packet.body.length);
  }
}
