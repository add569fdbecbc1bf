/** A network between a client and a server. */
export interface PairNetwork {
  /** Where the client connects to. */
  readonly address: string;
  /** Ends the connection; whatever is under way is lost. */
  cut(): void;
  close(): void;
}
