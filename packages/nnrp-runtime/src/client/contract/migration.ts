import type { TransportKind } from '../../transport/contract/contract.js';
import type { ResumeReport } from './resume-report.js';

/** Where sessions were, or are. */
export interface SessionPath {
  readonly transport: TransportKind;
  readonly remoteAddress: string;
}

/** What came of a move to another transport. `awayMs` counts from the moment at which the old one was given up. */
export interface MigrationReport extends ResumeReport {
  readonly from: SessionPath;
  readonly to: SessionPath;
}
