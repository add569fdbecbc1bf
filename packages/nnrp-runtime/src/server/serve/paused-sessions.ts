import type { FlowFields } from 'nnrp-core';
import { BackpressureLevel, UpdateReason } from 'nnrp-core/preview3';
import { type Guarded, guard } from '../../base/guard.js';
import type { ConnectionShare } from '../scheduling/connection-share.js';

/** A session that can be asked to send no more for now. */
export interface Pausable {
  readonly connection: Guarded;
  sendFlow(fields: FlowFields): boolean;
}

/** Sessions that were asked to pause because too much of their connection waits. */
export class PausedSessions {
  private readonly byShare = new Map<ConnectionShare, Set<Pausable>>();

  /** Connections with such sessions. */
  get size(): number {
    return this.byShare.size;
  }

  pause(session: Pausable, share: ConnectionShare): void {
    let paused = this.byShare.get(share);
    if (paused === undefined) {
      paused = new Set();
      this.byShare.set(share, paused);
    }
    if (paused.has(session)) return;
    paused.add(session);
    session.sendFlow({ updateReason: UpdateReason.Congestion, backpressureLevel: BackpressureLevel.Hard });
  }

  /** The connection has room for more again. */
  resume(share: ConnectionShare): void {
    const paused = this.byShare.get(share);
    if (paused === undefined) return;
    this.byShare.delete(share);
    for (const session of paused)
      guard(session.connection, () => session.sendFlow({ updateReason: UpdateReason.Resume }));
  }

  /** The session is over. */
  forget(session: Pausable, share: ConnectionShare): void {
    const paused = this.byShare.get(share);
    if (paused?.delete(session) === true && paused.size === 0) this.byShare.delete(share);
  }
}
