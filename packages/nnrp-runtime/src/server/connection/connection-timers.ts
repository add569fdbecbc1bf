import type { Guarded } from '../../base/guard.js';
import { Patience } from '../../base/time/patience.js';
import type { FramedTransport } from '../../transport/contract/contract.js';
import type { NnrpServerConfig } from '../contract/server-config.js';
import { Silence } from './silence.js';

/** What time brings about on a connection. */
export interface ConnectionTimersOwner extends Guarded {
  readonly packetCount: number;
  /** The peer waits for an answer, and need not say anything. */
  isBusy(): boolean;
  /** A policy is being asked; it has a time of its own, and its refusal is told. */
  isAskingPolicy(): boolean;
  /** @param limitMs - how long the peer has had */
  handshakeTooSlow(limitMs: number): void;
  packetTooSlow(): void;
  silentTooLong(): void;
  /** A sign of life is due. */
  quiet(): void;
}

/** All that happens on a connection because of time: the handshake's end, silence, packets that never come to an end. */
export class ConnectionTimers {
  private readonly silence: Silence;
  private handshake: Patience | undefined;

  constructor(
    private readonly transport: FramedTransport,
    private readonly config: NnrpServerConfig,
    /** Whether this side reads at the moment. */
    private readonly reading: { readonly isPaused: boolean },
    private readonly owner: ConnectionTimersOwner,
  ) {
    this.silence = new Silence(config);
  }

  /** Without a session a peer is a stranger: little time, and little memory. */
  startHandshake(limitMs = this.config.handshakeTimeoutMs): void {
    this.handshake?.end();
    const { maxHandshakePacketBytes, maxPacketBytes } = this.config;
    this.transport.limitPackets?.(Math.min(maxHandshakePacketBytes, maxPacketBytes));
    this.handshake = new Patience(this.owner, limitMs, () => {
      if (this.owner.isAskingPolicy()) this.startHandshake(limitMs);
      else this.owner.handshakeTooSlow(limitMs);
    }).unref();
  }

  /** There is a session. */
  endHandshake(): void {
    this.handshake?.end();
    this.handshake = undefined;
    this.transport.limitPackets?.(this.config.maxPacketBytes);
  }

  /** Looks after what has not come in time; called now and then. @param nowMs - of a clock that stands still while this process does */
  look(nowMs: number): void {
    const { owner } = this;
    const unfinishedBytes = this.transport.unfinishedBytes ?? 0;
    switch (this.silence.observe(nowMs, owner.packetCount, unfinishedBytes, this.reading.isPaused, owner.isBusy())) {
      case 'unfinished':
        owner.packetTooSlow();
        break;
      case 'silentTooLong':
        owner.silentTooLong();
        break;
      case 'quiet':
        owner.quiet();
        break;
      default:
    }
  }

  /** The connection is over. */
  end(): void {
    this.handshake?.end();
  }
}
