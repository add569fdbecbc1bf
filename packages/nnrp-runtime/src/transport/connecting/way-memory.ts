import type { FramedConnector, TransportKind } from '../contract/contract.js';

/** One way to a server of which there are several. */
export interface Way {
  /** As errors name it. */
  readonly text: string;
  readonly connector: FramedConnector;
}

/**
 * Milliseconds for which a way that has failed goes behind the others. A network that blocks it is mostly left after a while,
 * and an attempt too many costs no more than a head start.
 */
export const FAILURE_MEMORY_MS = 60_000;

/** What is known of several ways: which was taken last, and which have failed. */
export class WayMemory {
  /** When a way failed, in milliseconds of `performance.now()`. */
  private readonly failures = new Map<Way, number>();
  private taken: Way | undefined;

  /** @param preferred - whose ways go before all others that have not failed */
  constructor(
    private readonly ways: readonly Way[],
    private readonly preferred?: TransportKind,
  ) {}

  /** How many ways there are. */
  get size(): number {
    return this.ways.length;
  }

  /** The way that was taken last, or would be tried first. */
  get current(): Way | undefined {
    return this.taken ?? this.inOrder()[0];
  }

  /**
   * Those that have not failed, then those that have, the oldest failure first. Among the former: those that are preferred, the
   * one that was taken last, and their own order.
   */
  inOrder(): readonly Way[] {
    this.forgetOld();
    const { failures } = this;
    const rank = (way: Way) => [
      failures.get(way) ?? Number.NEGATIVE_INFINITY,
      this.isPreferred(way) ? 0 : 1,
      way === this.taken ? 0 : 1,
    ];
    const ranked = this.ways.map((way) => ({ way, rank: rank(way) }));
    // Sorting is stable: what has the same rank stays in its own order.
    return ranked.sort((one, other) => compare(one.rank, other.rank)).map(({ way }) => way);
  }

  failed(way: Way): void {
    this.failures.set(way, performance.now());
  }

  took(way: Way): void {
    this.taken = way;
    this.failures.delete(way);
  }

  /** What takes connections there does not lead to the server. */
  ledNowhere(): void {
    if (this.taken !== undefined) this.failed(this.taken);
  }

  private isPreferred({ connector }: Way): boolean {
    return connector.kind === this.preferred;
  }

  private forgetOld(): void {
    const oldest = performance.now() - FAILURE_MEMORY_MS;
    for (const [way, failedAtMs] of this.failures) if (failedAtMs < oldest) this.failures.delete(way);
  }
}

function compare(one: readonly number[], other: readonly number[]): number {
  const at = one.findIndex((part, index) => part !== other[index]);
  return at < 0 ? 0 : (one[at] as number) - (other[at] as number);
}
