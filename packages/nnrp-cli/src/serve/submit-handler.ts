import type { NnrpServerSession, NnrpSubmit } from 'nnrp-runtime';

/** Answers the submits of a server's sessions. */
export interface SubmitHandler {
  /** Submits of one session that are answered at the same time; 1 answers them in order. */
  readonly concurrency: number;
  /**
   * Answers one submit: any number of partial results, then one that is complete, or a drop. Stops early when
   * `session.isInFlight` turns false. A rejection drops the submit and is logged; it harms nothing else.
   */
  answer(session: NnrpServerSession, submit: NnrpSubmit): Promise<void>;
}
