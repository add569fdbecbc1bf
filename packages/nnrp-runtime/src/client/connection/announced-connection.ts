import { type MessageInfo, type Packet, ProtocolError, UsageError } from 'nnrp-core';
import type * as preview3 from 'nnrp-core/preview3';
import { ErrorCode, MessageType } from 'nnrp-core/preview3';
import { Connection } from '../../connection/connection.js';
import { NO_SERVER } from '../failures/other-protocols.js';

/** A connection to a server of this library, which announces itself, or to one of others, which takes less. */
export abstract class AnnouncedConnection extends Connection {
  /** Packets for sessions that are over, which were left out; counted in preview4. */
  latePackets = 0;
  /** What the server says it understands, bits of PeerMessages. */
  protected families = 0;
  /** The highest id of any session so far: in preview4 those above it are strange. */
  private highestSessionId = 0;

  protected override get protocolAdvice() {
    return NO_SERVER;
  }

  /** Whether the server is one of this library. */
  get isAnnounced(): boolean {
    return this.families !== 0;
  }

  /** Whether not one byte has come. */
  get isUnheard(): boolean {
    return this.packetCount === 0 && this.unfinishedBytes === 0;
  }

  understands(family: preview3.PeerMessages): boolean {
    return (this.families & family) !== 0;
  }

  abstract stray(packet: Packet, info: MessageInfo): void;

  protected wasOpened(sessionId: number): void {
    this.highestSessionId = Math.max(this.highestSessionId, sessionId);
  }

  /** What belongs to no session that is open: it may be over, or never have been. */
  protected late(packet: Packet, info: MessageInfo): void {
    const { sessionId } = packet;
    if (this.isEcho(packet)) {
      const text = `${this.remoteAddress} sends back what it gets: it is no server of NNRP`;
      this.fail(new ProtocolError(text, ErrorCode.InvalidState));
    } else if (!this.dialect.isPreview4 || sessionId === 0) {
      this.stray(packet, info);
    } else if (sessionId <= this.highestSessionId) {
      this.latePackets++;
    } else {
      const text = `${info.name} for session ${sessionId}, which was never open`;
      this.fail(new ProtocolError(text, ErrorCode.InvalidState));
    }
  }

  /** What a client begins with, from a peer that has not shown yet that it is a server. */
  private isEcho({ messageType }: Packet): boolean {
    const isOfClients = messageType === MessageType.ClientHello || messageType === MessageType.SessionOpen;
    return isOfClients && !this.isAnnounced && this.highestSessionId === 0;
  }

  /** Servers of the reference end the connection over it. @throws UsageError when the server may be one of those */
  protected mayEnd(message: string): void {
    if (!this.dialect.isPreview4 || this.isAnnounced) return;
    throw new UsageError(
      `${message}: servers of preview4 end the connection over it, unless they are of this library and announce themselves`,
    );
  }
}
