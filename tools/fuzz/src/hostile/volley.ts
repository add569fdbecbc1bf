import * as preview3 from 'nnrp-core/preview3';
import { FOCUS_ID } from '../conversation.js';
import { Dice } from '../samples/dice.js';
import { mutate } from '../samples/mutation.js';
import { PREVIEW3 } from '../samples/samples-preview3.js';

/** Packets of a volley, in the middle. */
const VOLLEY_PACKETS = 32;
/** Mutants that break the stream end a connection: one for many that are read to their end. */
const BREAKING = 0.002;

/** CLOSE, and a message that the other side alone may send, end a connection as well. */
const ASTRAY = 0.005;
const OF_CLIENTS = PREVIEW3.names.filter((name) => isOf('server_to_client', name));
const OF_SERVERS = PREVIEW3.names.filter((name) => isOf('client_to_server', name));

function isOf(other: string, name: string): boolean {
  return PREVIEW3.named(name).direction !== other && name !== 'CLOSE';
}

const PING = PREVIEW3.of('PING', { sessionId: 0, frameId: 0 }, new Dice(1));

/** What is written at once, and how much of it was made wrong. */
export interface Volley {
  readonly bytes: Uint8Array;
  readonly packets: number;
}

/**
 * Mutants of all messages, or a flood of one, that begin with what makes a session and end with a PING: where a PONG comes
 * back, every one of them has been read.
 *
 * @param base - session ids of one connection are its own
 * @param begin - opens the session, as a client; a server's sessions are opened by its client
 */
export function volley(dice: Dice, base: number, begin: 'open' | 'opened'): Volley {
  const sessionId = base + dice.below(4);
  const parts: Uint8Array[] = [];
  if (begin === 'open') parts.push(PREVIEW3.open(sessionId, dice, { defaultDeadlineMs: 0 }));
  const own = begin === 'open' ? OF_CLIENTS : OF_SERVERS;
  const flooded = dice.chance(0.3) ? dice.of(dice.chance(0.1) ? PREVIEW3.names : own) : undefined;
  const frames = 1 + dice.below(1 << 20);
  for (let count = 0; count < VOLLEY_PACKETS; count++) {
    const name = flooded ?? dice.of(dice.chance(ASTRAY) ? PREVIEW3.names : own);
    const subject = {
      sessionId: dice.chance(0.9) ? sessionId : base + dice.below(6),
      frameId: dice.chance(0.6) ? frames + dice.below(4) : frames + count,
    };
    const fields = name === 'SESSION_OPEN' ? { requestedSessionId: subject.sessionId } : {};
    const packet = PREVIEW3.of(name, subject, dice, fields);
    parts.push(dice.chance(0.15) ? packet : mutate(packet, name, PREVIEW3, dice, BREAKING).bytes);
  }
  parts.push(PING);
  return { bytes: new Uint8Array(Buffer.concat(parts)), packets: VOLLEY_PACKETS };
}

export function isPong(type: number): boolean {
  return type === preview3.MessageType.Pong;
}

/** Ids that no other attacking connection of the run asks for. */
export function baseOf(connection: number): number {
  return FOCUS_ID + connection * 16;
}
