import { randomBytes } from 'node:crypto';
import type { RemoteInfo } from 'node:dgram';
import type { HostPort } from 'nnrp-runtime/transport';
import type { ServerSettings } from '../engine.js';
import { AddressTokens } from './address-token.js';
import { quiche } from './binding.js';
import { ID_BYTES, idKey, isInitial, isLongHeader, MIN_INITIAL_BYTES, VERSION_1, versionOf } from './datagram.js';
import type { UdpSocket } from './udp-socket.js';

/** Strain from which on clients have to prove their address, unless the settings say otherwise. */
const LOAD_FOR_RETRY = 64;

/** What the server is busy with. */
export interface Load {
  /** Handshakes under way, and those that have come to nothing lately. */
  readonly handshakeLoad: number;
  /** There are as many connections as there may be, and none of them could give way. */
  readonly isFull: boolean;
}

/** A client that may begin its handshake. */
export interface IncomingConnection {
  readonly datagram: Buffer;
  readonly from: RemoteInfo;
  /** The id that this end is known by. */
  readonly scid: Uint8Array;
  /** The id of the client's very first packet, when that came before a Retry. */
  readonly originalDcid: Uint8Array | null;
  /** The id that the client's packets carry at first; absent when it is `scid` already. */
  readonly handshakeKey?: string;
}

/** Decides on datagrams of strangers: a handshake, a Retry, another version, or nothing at all. Keeps nothing. */
export class IncomingConnections {
  private readonly tokens = new AddressTokens();

  constructor(
    private readonly socket: UdpSocket,
    private readonly settings: Pick<ServerSettings, 'retry'>,
    private readonly load: Load,
  ) {}

  /** @returns a client to begin with; undefined when the datagram has been dealt with */
  receive(datagram: Buffer, from: RemoteInfo): IncomingConnection | undefined {
    // Answers are never longer than what they answer, and small datagrams are not answered: a sender cannot use this to
    // flood another host.
    if (!isLongHeader(datagram) || datagram.length < MIN_INITIAL_BYTES) return undefined;
    const version = versionOf(datagram);
    if (version !== VERSION_1) {
      if (version !== 0) this.negotiateVersion(datagram, from);
      return undefined;
    }
    if (!isInitial(datagram)) return undefined;
    const { settings, load } = this;
    if (load.isFull) return undefined;
    const header = parse(datagram);
    if (header === undefined || header.dcid.length < 8) return undefined;
    const { dcid, scid, token = new Uint8Array(0) } = header;
    if (token.length > 0) {
      const originalDcid = this.tokens.originalDcid(
        token,
        from.address,
        from.port,
        dcid,
        Math.floor(performance.now()),
      );
      // The id is the one that the Retry has given out, so it is ours and random.
      if (originalDcid !== undefined) return { datagram, from, scid: dcid, originalDcid };
    }
    const { retry } = settings;
    if (retry === 'always' || (retry === 'auto' && load.handshakeLoad >= LOAD_FOR_RETRY)) {
      this.retry(scid, dcid, from);
      return undefined;
    }
    return { datagram, from, scid: randomBytes(ID_BYTES), originalDcid: null, handshakeKey: idKey(dcid) };
  }

  private retry(scid: Uint8Array, dcid: Uint8Array, { address, port }: RemoteInfo): void {
    const newScid = randomBytes(ID_BYTES);
    const token = this.tokens.issue(address, port, dcid, newScid, Math.floor(performance.now()));
    this.answer({ host: address, port }, (out) => quiche().retry(scid, dcid, newScid, token, VERSION_1, out));
  }

  private negotiateVersion(datagram: Buffer, { address, port }: RemoteInfo): void {
    const header = parse(datagram);
    if (header === undefined) return;
    this.answer({ host: address, port }, (out) => quiche().negotiateVersion(header.scid, header.dcid, out));
  }

  private answer(to: HostPort, write: (out: Uint8Array) => number): void {
    try {
      this.socket.send(write(this.socket.out), to.port, to.host);
    } catch {
      // Ids that the library does not take: the client has made them up.
    }
  }
}

function parse(datagram: Buffer) {
  try {
    return quiche().Header.fromSlice(datagram, ID_BYTES);
  } catch {
    return undefined;
  }
}
