import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Row } from './attacks.js';
import { Peer, Tally } from './peer.js';

/** Before a connection that could not be made, or is over at once, is followed by another. */
const RECONNECT_MS = 5;

/** What the attackers did since they were asked before. */
export interface AttackFigures {
  readonly packetsPerSecond: number;
  readonly megabytesPerSecond: number;
  readonly connectionsMade: number;
}

/** All attacking connections of a row. One that is over is followed by another. */
export class AttackSide {
  private readonly tally = new Tally();
  private sinceMs = performance.now();

  constructor(private readonly row: Row) {}

  async begin(port: number): Promise<void> {
    for (let index = 0; index < this.row.connections; index++) void this.attack(port);
  }

  async figures(): Promise<AttackFigures> {
    const nowMs = performance.now();
    const seconds = (nowMs - this.sinceMs) / 1000;
    const { packets, bytes, connections } = this.tally;
    this.sinceMs = nowMs;
    Object.assign(this.tally, new Tally());
    return {
      packetsPerSecond: packets / seconds,
      megabytesPerSecond: bytes / seconds / 1e6,
      connectionsMade: connections,
    };
  }

  private async attack(port: number): Promise<never> {
    for (;;) {
      const peer = await Peer.connect(port, this.tally);
      if (peer !== undefined) {
        await this.row.attack(peer);
        peer.destroy();
      }
      await sleep(RECONNECT_MS);
    }
  }
}
