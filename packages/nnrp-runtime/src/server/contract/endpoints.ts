import type { FramedListener, TransportKind } from '../../transport/contract/contract.js';

/** What a server listens on, one of several perhaps. */
export interface NnrpServerEndpoint {
  readonly kind: TransportKind;
  /** Where it listens, such as 127.0.0.1:4433. */
  readonly localAddress: string;
  /** Whether it accepts connections: it has not failed, and was not closed. */
  readonly isListening: boolean;
  /**
   * Uses another certificate from now on, see `NnrpServer.renew`.
   * @throws UsageError when the options cannot work, or it has no certificate; nothing has changed then
   */
  renew(options: object): void;
}

/** What the configuration of a server says of its transports, for the listeners that are made for it. */
export interface ListenerOptions {
  readonly maxPacketBytes: number;
  readonly highWaterBytes: number;
  readonly stallTimeoutMs: number;
}

/** A listener, a promise of one, or what makes one with the options of the server. */
export type ListenerSource =
  | FramedListener
  | PromiseLike<FramedListener>
  | ((options: ListenerOptions) => FramedListener | PromiseLike<FramedListener>);
