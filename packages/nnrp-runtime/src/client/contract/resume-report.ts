/** What was reached when sessions go on. */
export interface ResumeReport {
  /** Milliseconds since the connection was lost. */
  readonly awayMs: number;
  /** Sessions that go on. */
  readonly sessions: number;
  /** Packets that the server had not got, and has been sent now. */
  readonly replayed: number;
}
