import { Chain } from '../../base/queues/chain.js';
import type { ConnectionShare, PlaceTurn, ShareOfClass } from './connection-share.js';

/** What a connection may have. */
export interface ShareLimits {
  readonly maxRunningPerConnection: number;
  readonly maxSuspendedPerConnection: number;
  /** Those of a connection that holds so many bytes begin no more; at least one always does. */
  readonly maxRunningBytesPerConnection: number;
}

/** The connections that wait in one priority class. */
class ClassRound {
  /** By rank; those of one rank take turns. */
  readonly ranks: (Chain<ShareOfClass> | undefined)[] = [];
  /** A bit for each rank that is not empty. */
  standing = 0;
  /** When its next turn is due, in a time that counts turns. */
  dueAt = 0;

  constructor(readonly stride: number) {}

  ofRank(rank: number): Chain<ShareOfClass> {
    let chain = this.ranks[rank];
    if (chain === undefined) {
      chain = new Chain();
      this.ranks[rank] = chain;
    }
    return chain;
  }
}

/**
 * Which connection is next. Between priority classes turns are dealt by weight, so that no class is ever without; inside a class the
 * connections that have fewest places come first and those that have about the same take turns; then the sessions of the
 * connection take turns; then the oldest operation comes first. What has begun goes before what has not.
 *
 * Connections stand at ranks of places by powers of two, so whatever happens costs a few assignments however many wait.
 */
export class FairQueue {
  private readonly rounds: readonly ClassRound[];
  private time = 0;

  /** @param weights - of the priority classes, interactive first */
  constructor(
    weights: readonly number[],
    private readonly limits: ShareLimits,
  ) {
    this.rounds = weights.map((weight) => new ClassRound(1 / weight));
  }

  add(turn: PlaceTurn): void {
    const { share, classIndex } = turn.line;
    const part = share.ofClass(classIndex);
    const session = turn.line.turnsOf(turn);
    if (session.turns.isEmpty) (turn.again === undefined ? part.toBegin : part.toGoOn).push(session);
    session.turns.push(turn);
    share.turns++;
    this.settle(part);
  }

  /** It does not wait any more. */
  remove(turn: PlaceTurn): void {
    const { share, classIndex } = turn.line;
    const session = turn.line.turnsOf(turn);
    session.turns.remove(turn);
    if (session.turns.isEmpty) session.chain?.remove(session);
    share.turns--;
    this.settle(share.ofClass(classIndex));
  }

  /**
   * Takes the next one out. The connection counts its place after that, and says so by `changed`.
   * @param hasRoomAbove - whether a connection that has at least so many places may have one more
   * @returns undefined when none may have a place
   */
  next(hasRoomAbove: (places: number) => boolean): PlaceTurn | undefined {
    let first: ClassRound | undefined;
    let rank = 0;
    for (const round of this.rounds) {
      const lowest = lowestOf(round.standing);
      if (lowest < 0 || (first !== undefined && round.dueAt >= first.dueAt) || !hasRoomAbove(fewest(lowest))) continue;
      first = round;
      rank = lowest;
    }
    const part = first?.ranks[rank]?.first;
    if (first === undefined || part === undefined) return undefined;
    this.time = first.dueAt;
    first.dueAt += first.stride;
    return this.takeFrom(part);
  }

  /** The connection has another number of places, or of suspended operations. */
  changed(share: ConnectionShare): void {
    if (share.turns === 0) return;
    for (const part of share.classes) if (part !== undefined) this.settle(part);
  }

  private takeFrom(part: ShareOfClass): PlaceTurn | undefined {
    const sessions = part.toGoOn.isEmpty ? part.toBegin : part.toGoOn;
    const session = sessions.first;
    const turn = session?.turns.first;
    if (session === undefined || turn === undefined) return undefined;
    session.turns.remove(turn);
    // Both the session and the connection go to the end of their round.
    sessions.remove(session);
    if (!session.turns.isEmpty) sessions.push(session);
    part.share.turns--;
    this.stand(part, -1);
    this.settle(part);
    return turn;
  }

  private settle(part: ShareOfClass): void {
    const rank = this.mayRun(part) ? rankOf(part.share.running) : -1;
    if (rank !== part.rank) this.stand(part, rank);
  }

  private mayRun({ share, toBegin, toGoOn }: ShareOfClass): boolean {
    if (share.running >= this.limits.maxRunningPerConnection) return false;
    return !toGoOn.isEmpty || (!toBegin.isEmpty && mayBeginOne(share, this.limits));
  }

  private stand(part: ShareOfClass, rank: number): void {
    const round = this.rounds[part.classIndex] as ClassRound;
    if (part.rank >= 0) {
      const chain = round.ofRank(part.rank);
      chain.remove(part);
      if (chain.isEmpty) round.standing &= ~(1 << part.rank);
    }
    part.rank = rank;
    if (rank < 0) return;
    // A class that comes back has saved nothing up.
    if (round.standing === 0) round.dueAt = Math.max(round.dueAt, this.time + round.stride);
    round.ofRank(rank).push(part);
    round.standing |= 1 << rank;
  }
}

/** Whether what its handlers have begun leaves the connection room for another. */
export function mayBeginOne({ suspended, runningBytes }: ConnectionShare, limits: ShareLimits): boolean {
  return suspended < limits.maxSuspendedPerConnection && runningBytes < limits.maxRunningBytesPerConnection;
}

/** 0, 1, 2 to 3, 4 to 7, 8 to 15, ... places. */
function rankOf(places: number): number {
  return 32 - Math.clz32(places);
}

/** The fewest places of a rank. */
export function fewest(rank: number): number {
  return rank === 0 ? 0 : 2 ** (rank - 1);
}

/** The fewest places of the rank that so many places are of. */
export function roughly(places: number): number {
  return fewest(rankOf(places));
}

function lowestOf(bits: number): number {
  return bits === 0 ? -1 : 31 - Math.clz32(bits & -bits);
}
