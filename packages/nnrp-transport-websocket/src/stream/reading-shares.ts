/** Bytes that all connections of a process may read in one turn of the event loop: unmasking them takes some milliseconds. */
const TURN_BYTES = 2 * 1024 * 1024;
/** From here on a connection counts as one that reads much in this turn. */
const MUCH_BYTES = 128 * 1024;

/** What one connection has read in a turn. */
export interface ReadInTurn {
  turn: number;
  bytes: number;
}

/**
 * A socket whose peer sends as fast as it can is read up to some megabytes in one turn of the event loop. Connections that
 * read much divide that between them, so that more of them make no turn longer. One alone is never stopped by it.
 */
export class ReadingShares {
  private turn = 0;
  /** Connections that have read much: in this turn, and in the one before. */
  private now = 0;
  private before = 1;

  /** @param whenTurnEnds - calls back when the other sockets have been looked at */
  constructor(private readonly whenTurnEnds: (callback: () => void) => void) {}

  /** @returns whether the connection has had its share of this turn */
  took(reader: ReadInTurn, bytes: number): boolean {
    if (reader.turn !== this.turn) {
      reader.turn = this.turn;
      reader.bytes = 0;
    }
    const had = reader.bytes;
    reader.bytes += bytes;
    if (had < MUCH_BYTES && reader.bytes >= MUCH_BYTES && this.now++ === 0) this.whenTurnEnds(this.endTurn);
    const many = Math.max(this.before, this.now);
    return many > 1 && reader.bytes >= TURN_BYTES / many;
  }

  private readonly endTurn = () => {
    this.turn++;
    this.before = this.now;
    this.now = 0;
  };
}
