import type { IdMap } from 'nnrp-core';
import { MessageType } from 'nnrp-core/preview3';
import { LoggedPacket } from '../../connection/recovery/logged-packet.js';
import type { NamedPacket } from '../../transport/contract/named-packet.js';
import type { ConnectionWords } from './connection-words.js';
import type { LiveLink } from './live-link.js';
import type { ResumableSession } from './resumable-session.js';

/** Where packets go. */
export interface SendingParts {
  readonly link: LiveLink | undefined;
  /** The link that sessions go on over; undefined while they do not. */
  readonly openLink: LiveLink | undefined;
  /** Whether everything goes straight to the link. */
  readonly isWhole: boolean;
  /** Those that can be resumed. */
  readonly sessions: IdMap<ResumableSession>;
  readonly words: ConnectionWords;
}

/** Sends a packet, or keeps it until it can be sent. @returns false when the sender should wait */
export function sendOrKeep(parts: SendingParts, packet: NamedPacket): boolean {
  const { words, openLink } = parts;
  switch (packet.messageType) {
    case MessageType.Ping:
      if (openLink !== undefined) return openLink.sendPing(packet);
      words.pingWaits();
      return false;
    case MessageType.Pong:
      if (words.isStalePong() || openLink === undefined) return openLink !== undefined;
      openLink.unansweredPings--;
      return openLink.send(packet);
    case MessageType.SessionOpen: {
      const asked = { packet: LoggedPacket.of(packet) };
      if (openLink !== undefined) return openLink.ask(asked);
      words.asks(asked);
      return false;
    }
    case MessageType.ClientHello:
    case MessageType.FlowUpdate:
      return sendRemembered(parts, LoggedPacket.of(packet));
    default:
      return parts.isWhole && openLink !== undefined ? openLink.send(packet) : keep(parts, LoggedPacket.of(packet));
  }
}

function sendRemembered(parts: SendingParts, kept: LoggedPacket): boolean {
  const { words, openLink } = parts;
  if (kept.messageType === MessageType.ClientHello) {
    words.greets(kept);
    return openLink?.question(kept) ?? false;
  }
  if (kept.sessionId === 0) words.flow.add(kept);
  else return keep(parts, kept);
  return openLink?.send(kept) ?? false;
}

function keep(parts: SendingParts, kept: LoggedPacket): boolean {
  const { words, link, openLink, sessions } = parts;
  const { sessionId } = kept;
  const session = sessions.get(sessionId);
  if (session !== undefined && !session.isAttached) {
    session.keep(kept);
    // The others go on: its own submits wait when it is full.
    return openLink !== undefined;
  }
  if (openLink !== undefined) return openLink.send(kept);
  if (session !== undefined) link?.send(kept);
  else if (sessionId === 0) words.waits(kept);
  return false;
}
