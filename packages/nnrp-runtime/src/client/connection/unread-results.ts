import type { NnrpResult } from '../results/nnrp-result.js';
import type { ReadGateOwner, UnreadShare } from '../results/read-gate.js';
import type { NnrpClientSession } from '../session/client-session.js';

/** Where results wait unread. */
export interface UnreadConnection {
  readonly openSessions: ReadonlySet<NnrpClientSession>;
  readonly flow: { readonly inFlight: number };
  readonly events: { readingPaused(unreadBytes: number, most: UnreadShare): void };
}

/** The results of a connection that wait unread, over all of its sessions. */
export class UnreadResults implements ReadGateOwner {
  constructor(private readonly connection: UnreadConnection) {}

  readingStopped(unreadBytes: number): void {
    let most: UnreadShare | undefined;
    for (const { mostUnread } of this.connection.openSessions) {
      if (most === undefined || mostUnread.unreadBytes > most.unreadBytes) most = mostUnread;
    }
    if (most !== undefined) this.connection.events.readingPaused(unreadBytes, most);
  }

  holdBack(): void {
    for (const session of this.connection.openSessions) session.holdBack();
  }

  get inFlight(): number {
    return this.connection.flow.inFlight;
  }

  eachUnread(visit: (result: NnrpResult) => void): void {
    for (const session of this.connection.openSessions) session.eachUnread(visit);
  }
}
