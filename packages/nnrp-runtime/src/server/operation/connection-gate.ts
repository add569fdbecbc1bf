import type { FlowScope } from 'nnrp-core';
import { type Guarded, later } from '../../base/guard.js';
import { MAX_TIMER_MS } from '../../base/time/timer-limit.js';
import { holdsResults } from './holds-results.js';

/** A session whose results wait for nothing but what the client has said about the connection. */
export interface WaitingGate {
  readonly isBackground: boolean;
  recheck(): void;
}

/** What the client has said about the whole connection, and the sessions that wait because of it. */
export class ConnectionGate {
  scope: FlowScope | undefined = undefined;
  /** Results that its sessions hold back, and their bytes with what they cost besides. */
  heldCount = 0;
  heldByteLength = 0;
  /** Background sessions, and others: either may have to wait without the other. */
  private readonly background = new Set<WaitingGate>();
  private readonly others = new Set<WaitingGate>();
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly owner: Guarded) {}

  holds(isBackground: boolean): boolean {
    return this.scope !== undefined && holdsResults(this.scope, isBackground);
  }

  waits(gate: WaitingGate): void {
    (gate.isBackground ? this.background : this.others).add(gate);
    this.armRetry();
  }

  waitsNoMore(gate: WaitingGate): void {
    (gate.isBackground ? this.background : this.others).delete(gate);
  }

  /** The client has said something new. */
  changed(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    // Each of them leaves, with all that it holds.
    if (!this.holds(true)) for (const gate of [...this.background]) gate.recheck();
    if (!this.holds(false)) for (const gate of [...this.others]) gate.recheck();
    this.armRetry();
  }

  end(): void {
    clearTimeout(this.timer);
    this.background.clear();
    this.others.clear();
  }

  /** A pause of a certain length ends by itself. */
  private armRetry(): void {
    if (this.timer !== undefined || this.background.size + this.others.size === 0 || this.scope === undefined) return;
    const leftMs = this.scope.retryAtMs - performance.now();
    if (leftMs <= 0) return;
    this.timer = later(this.owner, Math.min(Math.ceil(leftMs), MAX_TIMER_MS), () => this.changed());
    this.timer.unref();
  }
}
