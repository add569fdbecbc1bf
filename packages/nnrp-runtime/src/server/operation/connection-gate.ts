import type { FlowScope } from 'nnrp-core';
import { aside, type Guarded } from '../../base/guard.js';
import { MAX_TIMER_MS } from '../../base/time/timer-limit.js';
import type { Pressure } from '../../connection/controls/pressure.js';
import { SaidFlow } from './said-flow.js';

/** A session whose results wait for nothing but what the client has said about the connection. */
export interface WaitingGate {
  readonly isBackground: boolean;
  recheck(): void;
}

/** What the client has said about the whole connection, and the sessions that wait because of it. */
export class ConnectionGate {
  private said: SaidFlow | undefined = undefined;
  /** Results that its sessions hold back, and their bytes with what they cost besides. */
  heldCount = 0;
  heldByteLength = 0;
  /** Background sessions, and others: either may have to wait without the other. */
  private background: Set<WaitingGate> | undefined;
  private others: Set<WaitingGate> | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly owner: Guarded) {}

  /** The client has said nothing about the connection, so that nothing can be held back because of it. */
  get isSilent(): boolean {
    return this.said === undefined;
  }

  /** For FLOW_UPDATE; tell of it by `changed`. */
  get scope(): FlowScope {
    this.said ??= new SaidFlow();
    return this.said.scope;
  }

  /** For BACKPRESSURE and CREDIT_UPDATE; tell of it by `changed`. */
  get pressure(): Pressure {
    this.said ??= new SaidFlow();
    return this.said.pressure;
  }

  holds(isBackground: boolean): boolean {
    return this.said?.holds(isBackground) === true;
  }

  /** Its sessions hold back so much more, or less when negative. */
  count(results: number, bytes: number): void {
    this.heldCount += results;
    this.heldByteLength += bytes;
  }

  /** Whether so many bytes more may be held back, as far as others are concerned that hold back, too. */
  hasRoom(_bytes: number): boolean {
    return true;
  }

  waits(gate: WaitingGate): void {
    if (gate.isBackground) this.background = withOne(this.background, gate);
    else this.others = withOne(this.others, gate);
    this.armRetry();
  }

  waitsNoMore(gate: WaitingGate): void {
    (gate.isBackground ? this.background : this.others)?.delete(gate);
  }

  /** The client has said something new. */
  changed(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    // Each of them leaves, with all that it holds.
    if (!this.holds(true)) for (const gate of [...(this.background ?? [])]) gate.recheck();
    if (!this.holds(false)) for (const gate of [...(this.others ?? [])]) gate.recheck();
    this.armRetry();
  }

  end(): void {
    clearTimeout(this.timer);
    this.background = undefined;
    this.others = undefined;
  }

  /** A pause of a certain length ends by itself, perhaps since it was looked at. */
  private armRetry(): void {
    if (this.timer !== undefined || (!isAny(this.background) && !isAny(this.others))) return;
    const leftMs = Math.ceil(this.said?.leftMs() ?? 0);
    if (leftMs <= 0 && !this.holdsBackInVain()) return;
    this.timer = aside(this.owner, Math.min(Math.max(leftMs, 1), MAX_TIMER_MS), () => this.changed());
  }

  private holdsBackInVain(): boolean {
    return (isAny(this.background) && !this.holds(true)) || (isAny(this.others) && !this.holds(false));
  }
}

function isAny(gates: Set<WaitingGate> | undefined): boolean {
  return gates !== undefined && gates.size > 0;
}

function withOne(gates: Set<WaitingGate> | undefined, gate: WaitingGate): Set<WaitingGate> {
  return (gates ?? new Set()).add(gate);
}
