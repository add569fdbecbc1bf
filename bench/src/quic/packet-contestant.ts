import { type PacketHandler, RESULT_HEAD, SUBMIT_HEAD } from '../loopback/systems/raw-wire.js';
import type { Connection, Contestant, Credentials, Exchanges, Service } from './contestant.js';

/** A connection that carries packets of NNRP's sizes; what they say besides their bodies is ignored. */
export interface Wire {
  send(head: Uint8Array, frameId: number, body: Uint8Array): void;
  /** The turn is over: what was sent leaves now, if it has not left yet. */
  flush(): void;
  close(): Promise<void>;
}

/** Receives what comes over a wire. It calls `send` only; its caller flushes afterwards. */
export interface Receiver {
  readonly packet: PacketHandler;
  /** Nothing comes any more. */
  ended(error?: Error): void;
}

/** A contestant of packets: what it does with them is the same for all. */
export interface PacketContestant {
  listen(credentials: Credentials, accepted: (wire: Wire) => Receiver): Promise<Service>;
  connector(
    port: number,
    credentials: Credentials,
  ): Promise<<R extends Receiver>(connected: (wire: Wire) => R) => Promise<R>>;
}

/** A client that knows its requests by the number of their lane. */
class PacketConnection implements Connection, Receiver {
  private exchanges: Exchanges | undefined;
  private closing = false;

  constructor(private readonly wire: Wire) {}

  readonly packet: PacketHandler = (frameId, _partial, body) => {
    // Frame ids begin with 1.
    const lane = frameId - 1;
    this.exchanges?.end(lane, body);
    this.next(lane);
  };

  ended(error?: Error): void {
    if (!this.closing) this.exchanges?.fail(error ?? new Error('the connection ended'));
  }

  exchange(exchanges: Exchanges, firstLane: number, lanes: number): void {
    this.exchanges = exchanges;
    for (let lane = firstLane; lane < firstLane + lanes; lane++) this.next(lane);
    this.wire.flush();
  }

  close(): Promise<void> {
    this.closing = true;
    return this.wire.close();
  }

  private next(lane: number): void {
    const body = this.exchanges?.begin(lane);
    if (body !== undefined) this.wire.send(SUBMIT_HEAD, lane + 1, body);
  }
}

/** A contestant whose application sends packets and gets packets. */
export function packetContestant({ listen, connector }: PacketContestant): Contestant {
  return {
    serve: (credentials, tally) =>
      listen(credentials, (wire) => ({
        packet: (frameId, _partial, body) => {
          tally.request(body.length);
          wire.send(RESULT_HEAD, frameId, body);
        },
        ended: () => {},
      })),
    connector: async (port, credentials) => {
      const connect = await connector(port, credentials);
      return () => connect((wire) => new PacketConnection(wire));
    },
  };
}
