/** Operations of one session that may be in flight. */
export const IN_FLIGHT = 6;

export type Side = 'client' | 'server';

export function otherSide(side: Side): Side {
  return side === 'client' ? 'server' : 'client';
}

/** What must be true of one operation. */
export class PairOperation {
  /** How it may end for the client; empty while it runs. Most ends leave no choice. */
  ends: readonly string[] = [];
  readonly parts: string[] = [];
  readonly percents: number[] = [];
  priority: readonly [number, number] | undefined;
  /** token_budget. */
  tokens: number | undefined;

  constructor(
    readonly name: string,
    readonly id: bigint,
  ) {}

  get runs(): boolean {
    return this.ends.length === 0;
  }
}

export interface PairObject {
  readonly by: Side;
  references: number;
  sequence: bigint;
}

/** What must be true of one session, on both sides. */
export class PairSession {
  readonly operations: PairOperation[] = [];
  readonly objects = new Map<bigint, PairObject>();
  /** Messages that a side has heard of, by type. */
  readonly heard: Record<Side, Map<string, number>> = { client: new Map(), server: new Map() };
  /** What the server lets the client have in flight by CREDIT_UPDATE. */
  window = Number.POSITIVE_INFINITY;
  /** The server has said hard or paused, and no credit since. */
  isStopped = false;
  isOpen = true;
  highestId = 0n;

  constructor(readonly name: number) {}

  get running(): PairOperation[] {
    return this.operations.filter(({ runs }) => runs);
  }

  get isBlocked(): boolean {
    return this.isStopped || this.running.length >= Math.min(this.window, IN_FLIGHT);
  }

  hears(side: Side, type: string): void {
    const { [side]: heard } = this.heard;
    heard.set(type, (heard.get(type) ?? 0) + 1);
  }
}

export class PairModel {
  readonly sessions: PairSession[] = [];
  private names = 0;

  get open(): PairSession[] {
    return this.sessions.filter(({ isOpen }) => isOpen);
  }

  newName(): number {
    return ++this.names;
  }
}
