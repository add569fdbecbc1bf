import type { Packet } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { MessageType } from 'nnrp-core/preview3';
import { announcedFamilies } from '../../../connection/announcement.js';
import { usePreview4 } from '../../../connection/controls/loaded-preview4.js';
import { PREVIEW4_WORDS } from '../../../connection/controls/preview4-words.js';
import type { ErrorOptions } from '../../../connection/errors/error-message.js';
import { PREVIEW3_DIALECT } from '../../../connection/revision/dialect.js';
import { PREVIEW4_DIALECT } from '../../../connection/revision/dialect-preview4.js';
import type { RevisionChoice } from '../../../connection/revision/revision-name.js';
import type { OutboxLimits } from '../../../connection/sending/outbox.js';
import type { SessionEndpoint } from '../../../connection/session-endpoint.js';
import type { FramedTransport } from '../../../transport/contract/contract.js';
import { OutlivableConnection } from './outlivable-connection.js';

usePreview4(PREVIEW4_WORDS);

/** A connection that finds out by its first packets which revision its client speaks, where the server speaks both. */
export abstract class ChoosingConnection<Session extends SessionEndpoint> extends OutlivableConnection<Session> {
  /** Without a proof of the contrary a peer is taken for a reference client, which knows few messages. */
  knowsPeerMessages = false;
  private isChosen: boolean;

  protected constructor(transport: FramedTransport, limits: OutboxLimits, choice: RevisionChoice) {
    super(transport, limits, PREVIEW3_DIALECT);
    this.isChosen = choice === 'preview3';
    if (choice === 'preview4') this.choose(true);
  }

  override packet(packet: Packet): void {
    if (!this.isChosen && packet.messageType !== MessageType.TransportProbe) {
      this.choose(packet.messageType === MessageType.ClientHello && !announcesPreview3(packet));
    }
    super.packet(packet);
  }

  /** A reference client of preview4 would fail on an ERROR: it gets one only where the connection ends anyway. */
  override sendError(code: number, scope: preview3.ErrorScope, text: string, options: ErrorOptions = {}): void {
    if (this.dialect.isPreview4 && !this.knowsPeerMessages && options.fatal !== true) return;
    super.sendError(code, scope, text, options);
  }

  /**
   * The client has shown that it knows more than the reference client.
   * @param families - bits of PeerMessages that it says it understands; 0 when it does not say
   */
  announced(families: number): void {
    // Over preview4 a hello is where it is shown.
    if (this.dialect.isPreview4 && !this.knowsPeerMessages) return;
    this.recognised(families);
  }

  /** The client is one of this library. */
  recognised(families: number): void {
    this.knowsPeerMessages = true;
    this.families |= families;
  }

  private choose(isPreview4: boolean): void {
    this.isChosen = true;
    this.speak(isPreview4 ? PREVIEW4_DIALECT : PREVIEW3_DIALECT);
  }
}

/** A client of this library that speaks preview3 says so in the extension block of its hello. */
function announcesPreview3({ view, metadataStart, metadataLength, body }: Packet): boolean {
  if (metadataLength !== preview3.CLIENT_HELLO_BYTES || preview3.checkClientHello(view, metadataStart) >= 0)
    return false;
  const { authBytes, controlExtensionBytes } = preview3.decodeClientHello(view, metadataStart);
  if (controlExtensionBytes === 0 || body.length !== authBytes + controlExtensionBytes) return false;
  const block = body.subarray(authBytes);
  if (preview3.checkControlExtensions(block) !== undefined) return false;
  return announcedFamilies(preview3.decodeControlExtensions(block)) !== undefined;
}
