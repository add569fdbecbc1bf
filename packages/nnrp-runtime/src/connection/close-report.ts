/** An operation that had no last answer when its session was closed. */
export interface CutOperation {
  readonly sessionId: number;
  readonly frameId: number;
}

/** What a close has cost. */
export interface CloseReport {
  /** Whether everything that was in progress had its last answer first: nothing was cut. */
  readonly drained: boolean;
  /** What was cut; each of them has failed with an error that says so. */
  readonly cut: readonly CutOperation[];
}

/** The report of a session, by the frames that it has cut. */
export function closeReport(sessionId: number, cutFrameIds: readonly number[]): CloseReport {
  return { drained: cutFrameIds.length === 0, cut: cutFrameIds.map((frameId) => ({ sessionId, frameId })) };
}

/** The report of several sessions that were closed together. */
export function joinedReport(reports: readonly CloseReport[]): CloseReport {
  const cut = reports.flatMap((report) => report.cut);
  return { drained: cut.length === 0, cut };
}
