import type { IdTable } from 'nnrp-core';
import type { ClientOperation } from '../results/client-operation.js';
import type { NnrpResult } from '../results/nnrp-result.js';
import type { UnreadShare } from '../results/read-gate.js';
import type { ResultStream } from '../results/result-stream.js';
import type { ClientSessionConnection } from './client-session-connection.js';
import type { OperationFlow } from './operation-flow.js';

/** The results of one session that wait unread; the server is asked to hold operations back of which too much waits. */
export class UnreadOperations {
  constructor(
    private readonly connection: Pick<ClientSessionConnection, 'unread'>,
    private readonly sessionId: number,
    private readonly operations: IdTable<ClientOperation>,
    private readonly operationFlow: OperationFlow,
  ) {}

  /** @param operation - absent when the result waits in the loop over the whole session */
  buffered(result: NnrpResult, heldBytes: number, operation?: ClientOperation): void {
    const { unread } = this.connection;
    if (operation !== undefined && operation.countedBytes >= unread.maxOperationBytes) this.pause(operation);
    unread.add(result, heldBytes);
  }

  consumed(bytes: number, operation?: ClientOperation): void {
    const { unread } = this.connection;
    if (operation?.paused && operation.countedBytes * 2 <= unread.maxOperationBytes) {
      operation.paused = false;
      unread.operationPauseEnded();
      if (!operation.isOver) this.operationFlow.resume(operation);
    }
    unread.remove(bytes);
  }

  /** Asks the server to hold back every operation whose results wait. */
  holdBack(): void {
    for (const operation of this.operations.values()) if (operation.countedBytes > 0) this.pause(operation);
  }

  /** Shows every result that waits. @param stream - the loop over the whole session, where there is one */
  each(visit: (result: NnrpResult) => void, stream: ResultStream | undefined): void {
    for (const operation of this.operations.values()) operation.eachUnread(visit);
    stream?.eachUnread(visit);
  }

  /** What holds most of them. @param stream - the loop over the whole session, where there is one */
  most(stream: ResultStream | undefined): UnreadShare {
    let most: UnreadShare = { sessionId: this.sessionId, frameId: 0, unreadBytes: stream?.unreadBytes ?? 0 };
    for (const { frameId, countedBytes } of this.operations.values()) {
      if (countedBytes > most.unreadBytes) most = { sessionId: this.sessionId, frameId, unreadBytes: countedBytes };
    }
    return most;
  }

  private pause(operation: ClientOperation): void {
    if (operation.paused) return;
    operation.paused = this.operationFlow.pause(operation);
    if (operation.paused) this.connection.unread.operationPaused();
  }
}
