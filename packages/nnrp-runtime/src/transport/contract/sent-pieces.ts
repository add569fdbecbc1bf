/** A packet whose body is still its sender's. */
export interface LentPiece {
  /** Header and metadata; read in the call that hands it over. */
  readonly head: Uint8Array;
  readonly body: Uint8Array;
  /** Length of the body when it was lent: what the header says. */
  readonly bodyLength: number;
}

/** Bytes that a transport has been given to send, or a packet whose body was lent to it. */
export type SentPiece = Uint8Array | LentPiece;

/**
 * Memory that pieces lie in and that is used again. Its holders may read what lies in it until it was
 * released as often as it was held.
 */
export interface SentMemory {
  readonly bytes: Uint8Array;
  hold(): void;
  release(): void;
}

/** Wants to know what a transport has been given to send, byte for byte and in order, to send it again elsewhere. */
export interface SentListener {
  /**
   * What was given since the last call, in whatever pieces, which are read in the call.
   * @param memory - in which some of them lie, and will not be changed while it is held
   */
  append(pieces: readonly SentPiece[], memory?: readonly SentMemory[]): void;
}
