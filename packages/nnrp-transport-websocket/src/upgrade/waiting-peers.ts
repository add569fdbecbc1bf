import type { Socket } from 'node:net';
import {
  boundOf,
  formatAddress,
  type Guarded,
  hostGroup,
  type ListenerBound,
  type ListenerBoundName,
  listen,
  Patience,
  type Stranger,
  type StrangerLimits,
  Strangers,
  WaitingLine,
} from 'nnrp-runtime/transport';

interface WaitingPeer extends Stranger {
  readonly socket: Socket;
  /** Whether it has asked for an upgrade, and whether what has become of that was told: once is enough. */
  state: 'silent' | 'asking' | 'told';
  readonly patience: Patience;
}

/** How each of the bounds is called in the stats of a server. */
const BOUND_NAMES: { readonly [Bound in keyof StrangerLimits]: ListenerBoundName } = {
  inAll: 'webSocketHandshakes',
  perAddress: 'addressWebSocketHandshakes',
};

/** Connections that are no WebSocket yet: so many at once, and each for so long, whatever the peer sends. */
export class WaitingPeers {
  private readonly peers = new Map<PeerName, WaitingPeer>();
  private readonly strangers: Strangers<WaitingPeer>;
  private readonly line: WaitingLine<WaitingPeer>;
  private boundHit: ((name: ListenerBoundName) => void) | undefined;

  /** @param gone - a peer was cut because its time was up, or another needed its place; or it has left in the middle of an upgrade */
  constructor(
    private readonly owner: Guarded,
    private readonly limits: StrangerLimits,
    private readonly timeoutMs: number,
    private readonly gone: (address: string, why: string) => void,
  ) {
    this.strangers = new Strangers(limits, (bound) => this.boundHit?.(BOUND_NAMES[bound]));
    this.line = new WaitingLine(owner, this.strangers, 'waitingWebSocketHandshakes', (address) =>
      this.gone(address, MADE_ROOM),
    );
  }

  set onBoundHit(told: ((name: ListenerBoundName) => void) | undefined) {
    this.boundHit = told;
    this.line.onBoundHit = told;
  }

  get bounds(): readonly ListenerBound[] {
    const { strangers, limits } = this;
    return [
      { name: BOUND_NAMES.inAll, scope: 'server', bound: boundOf(limits.inAll), value: () => strangers.size },
      {
        name: BOUND_NAMES.perAddress,
        scope: 'address',
        bound: boundOf(limits.perAddress),
        value: () => strangers.mostOfAnAddress,
      },
      this.line.bound,
    ];
  }

  /**
   * A connection of which nothing has been read: it is a peer that is there, at once or when others have had their time.
   *
   * @param begin - begins its upgrade
   */
  admit(socket: Socket, begin: () => void): void {
    const group = groupOf(socket);
    const letIn = () => {
      this.add(socket);
      begin();
    };
    const bound = this.strangers.boundOf(group);
    if (bound === undefined) {
      letIn();
      return;
    }
    this.boundHit?.(BOUND_NAMES[bound]);
    this.line.add(socket, group, letIn);
  }

  /** A peer that is there, until it is let in or gone; one that is known already keeps its time. */
  add(socket: Socket): void {
    const ends = endsOf(socket);
    if (this.peers.has(ends)) return;
    const { remoteAddress = 'unknown', remotePort = 0 } = socket;
    const cut = (why: string) => {
      this.delete(ends);
      socket.destroy();
      if (peer.state !== 'told') this.gone(formatAddress(remoteAddress, remotePort), why);
    };
    const peer: WaitingPeer = {
      socket,
      state: 'silent',
      patience: new Patience(this.owner, this.timeoutMs, () => cut(`no WebSocket upgrade within ${this.timeoutMs} ms`)),
      addressGroup: groupOf(socket),
      hasSpoken: () => socket.bytesRead > 0,
      makeRoom: () => cut(MADE_ROOM),
    };
    this.peers.set(ends, peer);
    this.strangers.add(peer);
    listen(this.owner, socket, 'close', () => {
      // A later connection may have come from the same port already.
      if (this.peers.get(ends) !== peer) return;
      this.delete(ends);
      if (peer.state === 'asking')
        this.gone(formatAddress(remoteAddress, remotePort), 'it has left before its upgrade was complete');
    });
  }

  /** It has asked for an upgrade. */
  asks(socket: Socket): void {
    this.add(socket);
    const peer = this.peers.get(endsOf(socket));
    if (peer !== undefined) peer.state = 'asking';
  }

  /** @returns whether nothing has been told so far of what has become of it */
  tell(ends: PeerName): boolean {
    const peer = this.peers.get(ends);
    const isFirst = peer !== undefined && peer.state !== 'told';
    if (peer !== undefined) peer.state = 'told';
    return isFirst;
  }

  /** It has become a WebSocket. @param ends - see {@link endsOf} */
  upgraded(ends: PeerName): void {
    const peer = this.peers.get(ends);
    if (peer !== undefined) this.strangers.finished(peer);
    this.delete(ends);
  }

  /** It is none any more. @param ends - see {@link endsOf} */
  delete(ends: PeerName): void {
    const peer = this.peers.get(ends);
    if (peer === undefined) return;
    peer.patience.end();
    this.peers.delete(ends);
    this.strangers.delete(peer);
    this.line.lookSoon();
  }

  /** Cuts all of them; nothing is told. */
  close(): void {
    this.line.close();
    for (const { socket } of [...this.peers.values()]) socket.destroy();
  }
}

const MADE_ROOM = 'the upgrade made room for others that have begun since';

/** Unix domain sockets have no address. */
function groupOf({ remoteAddress }: Socket): string | undefined {
  return remoteAddress === undefined ? undefined : hostGroup(remoteAddress);
}

/** What names a connection, also where TLS has a socket of its own over it, which does not tell which that is. */
export type PeerName = string | Socket;

/** Both ends' addresses; those of a Unix domain socket have none. */
export function endsOf(socket: Socket): PeerName {
  const { remoteAddress, remotePort, localAddress } = socket;
  return remoteAddress === undefined ? socket : `${remoteAddress} ${remotePort} ${localAddress}`;
}
