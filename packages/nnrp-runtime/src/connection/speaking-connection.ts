import type { Revision } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import type { FramedTransport } from '../transport/contract/contract.js';
import { CountedConnection } from './counted-connection.js';
import { MOST_BYTES, packetTooLarge } from './packet-limit.js';
import type { Dialect } from './revision/dialect.js';
import type { RevisionName } from './revision/revision-name.js';

const HEADER_BYTES = preview3.COMMON_HEADER_BYTES;

/** Which revision a connection speaks, and how large a packet its peer takes. */
export abstract class SpeakingConnection extends CountedConnection {
  /** Bytes of metadata and body that the peer takes in one packet. */
  protected mostBytes = MOST_BYTES;
  protected wire: Revision;

  protected constructor(
    transport: FramedTransport,
    private spoken: Dialect,
  ) {
    super(transport);
    this.wire = spoken.wire;
  }

  get dialect(): Dialect {
    return this.spoken;
  }

  get revision(): RevisionName {
    return this.spoken.name;
  }

  /** What the peer speaks, from the next packet on. */
  protected speak(dialect: Dialect): void {
    this.spoken = dialect;
    this.wire = dialect.wire;
    this.transport.speak?.(dialect.wire);
  }

  /** Of metadata and body. @throws UsageError when the peer does not take so many bytes, unless they must be sent all the same */
  checkSize(messageType: number, sessionId: number, frameId: number, bytes: number): void {
    if (bytes <= this.mostBytes) return;
    const info = this.wire.messageInfo(messageType);
    const error = packetTooLarge(info, messageType, sessionId, frameId, bytes, this.mostBytes);
    if (error !== undefined) throw error;
  }

  /** The peer has said how large a packet it takes, header included. */
  peerTakes(maxPacketBytes: number | undefined): void {
    if (maxPacketBytes !== undefined) this.mostBytes = Math.min(maxPacketBytes - HEADER_BYTES, MOST_BYTES);
  }
}
