import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { CpuTime } from '../cpu-time.js';
import type { Row } from './attacks.js';
import { Peer, Tally } from './peer.js';

/** Before a connection that could not be made, or is over at once, is followed by another. */
const RECONNECT_MS = 5;

/** How often the burner looks whether it has burnt enough. */
const BURN_EVERY_MS = 2;

/** What the attackers did since they were asked before. */
export interface AttackFigures {
  readonly packetsPerSecond: number;
  readonly megabytesPerSecond: number;
  readonly connectionsMade: number;
  /** CPU time by wall clock time: 1 is a whole core. */
  readonly cpuShare: number;
}

/** All attacking connections of a row. One that is over is followed by another. */
export class AttackSide {
  private readonly tally = new Tally();
  private sinceMs = performance.now();
  private readonly cpu = new CpuTime();
  private readonly peers = new Set<Peer>();
  private isOver = false;

  constructor(private readonly row: Row) {}

  async begin(port: number): Promise<void> {
    for (let index = 0; index < this.row.connections; index++) void this.attack(port);
  }

  async figures(): Promise<AttackFigures> {
    const nowMs = performance.now();
    const seconds = (nowMs - this.sinceMs) / 1000;
    const { packets, bytes, connections } = this.tally;
    const cpuShare = this.cpu.take() / (seconds * 1e6);
    this.sinceMs = nowMs;
    Object.assign(this.tally, new Tally());
    return {
      packetsPerSecond: packets / seconds,
      megabytesPerSecond: bytes / seconds / 1e6,
      connectionsMade: connections,
      cpuShare,
    };
  }

  /** All connections end, and none comes any more. */
  async stop(): Promise<void> {
    this.isOver = true;
    for (const peer of this.peers) peer.destroy();
  }

  /**
   * Takes as much CPU time as the attack did, and sends nothing: what the honest client lacks then, the machine lacks.
   *
   * @param cpuShare - CPU time by wall clock time
   */
  async burn(cpuShare: number): Promise<void> {
    const startMs = performance.now();
    const before = process.cpuUsage();
    const hasBurntEnough = () => {
      const { user, system } = process.cpuUsage(before);
      return (user + system) / 1000 >= (performance.now() - startMs) * cpuShare;
    };
    setInterval(() => {
      const untilMs = performance.now() + BURN_EVERY_MS * 2;
      // In slices, so that questions are answered meanwhile.
      while (!hasBurntEnough() && performance.now() < untilMs);
    }, BURN_EVERY_MS);
  }

  private async attack(port: number): Promise<void> {
    while (!this.isOver) {
      const peer = await Peer.connect(port, this.tally);
      if (peer !== undefined) {
        this.peers.add(peer);
        if (!this.isOver) await this.row.attack(peer);
        peer.destroy();
        this.peers.delete(peer);
      }
      await sleep(RECONNECT_MS);
    }
  }
}
