import type { Tally } from '../loopback/systems/system.js';

/** A self-signed certificate of localhost and its key, in PEM; all contestants use the same. */
export interface Credentials {
  readonly certificate: string;
  readonly privateKey: string;
}

/** Where the work of connections comes from; an ExchangeLoad is one. A wrong answer fails it. */
export interface Exchanges {
  /** @returns the request's body, not to be changed, or undefined when the lane is over */
  begin(lane: number): Uint8Array | undefined;
  end(lane: number, reply: Uint8Array): void;
  fail(error: unknown): void;
}

/** A client's end of a connection that is open. */
export interface Connection {
  /** Does the exchanges of so many lanes, each with one in progress, until they are over. */
  exchange(exchanges: Exchanges, firstLane: number, lanes: number): void;
  close(): Promise<unknown>;
}

/** A server that answers every request with its own bytes. */
export interface Service {
  readonly port: number;
  /** Connections that are open. */
  readonly connections: number;
}

/** One contestant. Its two sides run in processes of their own. */
export interface Contestant {
  /** Listens on a free port of 127.0.0.1, and counts what it serves. */
  serve(credentials: Credentials, tally: Tally): Promise<Service>;
  /** What makes connections to this port, each of them verified. */
  connector(port: number, credentials: Credentials): Promise<() => Promise<Connection>>;
}
