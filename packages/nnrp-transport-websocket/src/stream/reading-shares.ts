/** Bytes that all connections of a process may read in one turn of the event loop: unmasking them takes some milliseconds. */
const TURN_BYTES = 2 * 1024 * 1024;
/** From here on a connection counts as one that reads much in this turn. */
const MUCH_BYTES = 128 * 1024;

/**
 * Frames without a packet that one connection may have read before the others have their turn, and all connections together: each takes some
 * microseconds, and a peer that sends nothing else sends thousands of them with each chunk.
 */
const FRAMES = 1000;
const TURN_FRAMES = 4000;
/** What a connection may always have read of them: those of peers that mean well are few. */
const LEAST_FRAMES = 16;

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
  /** Without a packet, of all connections in this turn. */
  private frames = 0;
  private willEnd = false;

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
    if (had < MUCH_BYTES && reader.bytes >= MUCH_BYTES) {
      this.now++;
      this.askForEnd();
    }
    const many = Math.max(this.before, this.now);
    return many > 1 && reader.bytes >= TURN_BYTES / many;
  }

  /** Frames without a packet that a connection may have read now; at these, others have their turn. */
  get idleFrames(): number {
    return Math.max(LEAST_FRAMES, Math.min(FRAMES, TURN_FRAMES - this.frames));
  }

  /** So many of them were read. */
  tookIdle(frames: number): void {
    if (frames === 0) return;
    this.frames += frames;
    this.askForEnd();
  }

  private askForEnd(): void {
    if (this.willEnd) return;
    this.willEnd = true;
    this.whenTurnEnds(this.endTurn);
  }

  private readonly endTurn = () => {
    this.willEnd = false;
    this.turn++;
    this.frames = 0;
    this.before = this.now;
    this.now = 0;
  };
}
