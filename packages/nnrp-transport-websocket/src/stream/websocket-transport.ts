import type { Socket } from 'node:net';
import { isNnrpError } from 'nnrp-core';
import { type FramedTransport, type PeerIdentity, StreamTransport } from 'nnrp-runtime/transport';
import type { WebSocketTransportOptions } from '../websocket-options.js';
import { type WebSocketFacts, WebSocketStream } from './websocket-stream.js';

/** The kind that listeners and connectors report. NNRP/1-preview3 has no id for it on the wire: it is sent as unspecified. */
export const TRANSPORT_KIND = 'websocket';

/** What is masked or encrypted is copied: so much at once shows how a slow peer gets on, and is no burden on memory. */
const MAX_COPIED_BYTES = 64 * 1024;

/** Packets over an upgraded socket. */
export function overWebSocket(
  socket: Socket,
  facts: WebSocketFacts,
  options: WebSocketTransportOptions,
  peerIdentity?: PeerIdentity,
): FramedTransport {
  return new WebSocketTransport(new WebSocketStream(socket, facts), socket, facts, options, peerIdentity);
}

class WebSocketTransport extends StreamTransport {
  constructor(
    private readonly messages: WebSocketStream,
    socket: Socket,
    { isServer, remoteAddress }: WebSocketFacts,
    options: WebSocketTransportOptions,
    peerIdentity: PeerIdentity | undefined,
  ) {
    // A client's frames are copies, since they are masked, and TLS copies what it encrypts.
    const copies = !isServer || (socket as { readonly encrypted?: boolean }).encrypted === true;
    super(messages, {
      ...options,
      kind: TRANSPORT_KIND,
      remoteAddress,
      borrowsWrites: copies ? 'call' : 'callback',
      ...(copies && { maxWriteBytes: MAX_COPIED_BYTES }),
      describeError: (error) => (isNnrpError(error) ? error.rawMessage : error.message),
      ...(peerIdentity !== undefined && { peerIdentity }),
    });
    if (options.maxPacketBytes !== undefined) messages.maxPacketBytes = options.maxPacketBytes;
  }

  /** A message may have begun although nothing of its packet has come. */
  override get unfinishedBytes(): number {
    const unfinishedBytes = super.unfinishedBytes;
    return unfinishedBytes > 0 || !this.messages.isInside ? unfinishedBytes : 1;
  }

  override limitPackets(maxBytes: number): void {
    super.limitPackets(maxBytes);
    this.messages.maxPacketBytes = maxBytes;
  }
}
