import type { Socket } from 'node:net';
import { otherProtocol, shownStart } from 'nnrp-core';
import { type Guarded, listen } from '../../base/guard.js';

/** The first byte of every handshake of TLS: the type of its record. */
const HANDSHAKE_RECORD = 0x16;
/** A record with the fatal alert protocol_version. */
const ALERT = Uint8Array.of(0x15, 3, 3, 0, 2, 2, 70);

/** What is told about the first bytes of a connection, by one call. */
export interface FirstBytesOwner extends Guarded {
  /** They begin a handshake. They are still in the connection, to be read again. */
  handshake(): void;
  /** They are of another protocol. */
  foreign(start: Uint8Array): void;
  /** The connection has closed without any. @param error - with which it was destroyed */
  silent(error: Error | undefined): void;
}

/**
 * Looks at the first bytes of a connection that has not been read from. The library of TLS tells of a peer that speaks
 * another protocol only that it does not speak TLS, and tells the peer nothing.
 */
export function lookAtFirstBytes(connection: Socket, owner: FirstBytesOwner): void {
  let isDone = false;
  let failure: Error | undefined;
  listen(owner, connection, 'error', (error: Error) => {
    failure = error;
  });
  listen(owner, connection, 'close', () => {
    if (!isDone) owner.silent(failure);
  });
  listen(owner, connection, 'readable', () => {
    const start: Uint8Array | null = isDone ? null : connection.read();
    if (start === null) return;
    isDone = true;
    connection.removeAllListeners('readable');
    if (start[0] !== HANDSHAKE_RECORD) {
      owner.foreign(start);
      return;
    }
    connection.unshift(start);
    owner.handshake();
  });
}

/** Ends the connection of a peer without TLS. The alert is what a client of NNRP knows a server with TLS by. */
export function refuseWithoutTls(connection: Socket): void {
  connection.write(ALERT);
  connection.destroySoon();
}

/** What a peer without TLS speaks, for people: some of its bytes, and their meaning. */
export function describeForeign(start: Uint8Array): string {
  const shown = `got ${shownStart(start)}`;
  switch (otherProtocol(start)) {
    case 'NNRP':
      return `the peer does not speak TLS, ${shown}: it speaks NNRP, and has to use connectTls or nnrps://`;
    case 'HTTP':
      return `the peer speaks HTTP without TLS, ${shown}`;
    case 'HTTP/2':
      return `the peer speaks HTTP/2 without TLS, ${shown}`;
    case 'PROXY':
      return `the peer does not speak TLS, ${shown}: it is the PROXY protocol, to be switched off in the load balancer`;
    case 'SSH':
      return `the peer speaks SSH, ${shown}`;
    default:
      return `the peer does not speak TLS, ${shown}`;
  }
}
