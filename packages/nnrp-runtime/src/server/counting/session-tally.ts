import { OPERATION_END, OPERATION_REFUSE, OPERATION_RESULT, OPERATION_START } from '../../base/diagnostics/channels.js';
import type { DropReason, ServerTally } from '../contract/server-counters.js';

/** What a submit that was taken says of itself. */
export interface CountedOperation {
  readonly frameId: number;
  readonly bodyBytes: number;
}

/** What has become of the frames of one session, counted here and for its server, and told to subscribers. */
export class SessionTally {
  operations = 0;
  completedOperations = 0;
  partialResults = 0;
  resultBytes = 0;
  drops = 0;

  constructor(
    private readonly sessionId: number,
    private readonly server: ServerTally,
  ) {}

  taken(operation: CountedOperation): void {
    this.operations++;
    this.server.operations++;
    if (!OPERATION_START.hasSubscribers) return;
    const { frameId, bodyBytes: bytes } = operation;
    OPERATION_START.publish({ role: 'server', operation, sessionId: this.sessionId, frameId, bytes });
  }

  sent(operation: object, bytes: number, partial: boolean): void {
    this.resultBytes += bytes;
    this.server.resultBytes += bytes;
    if (partial) {
      this.partialResults++;
      this.server.partialResults++;
    }
    if (OPERATION_RESULT.hasSubscribers) OPERATION_RESULT.publish({ role: 'server', operation, bytes, partial });
  }

  ended(operation: object, outcome: 'completed' | DropReason, error: unknown): void {
    if (outcome === 'completed') {
      this.completedOperations++;
      this.server.completedOperations++;
    } else {
      this.drops++;
      this.server.dropped(outcome);
    }
    if (OPERATION_END.hasSubscribers)
      OPERATION_END.publish({ role: 'server', operation, outcome, ...(error !== undefined && { error }) });
  }

  /** A submit that was not taken. */
  notTaken(frameId: number, reason: DropReason): void {
    this.drops++;
    this.server.dropped(reason);
    if (OPERATION_REFUSE.hasSubscribers) OPERATION_REFUSE.publish({ sessionId: this.sessionId, frameId, reason });
  }
}
