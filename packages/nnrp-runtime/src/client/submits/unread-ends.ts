import { weakReference } from '../../platform/platform.js';
import type { ResumableSession } from '../recovery/resumable-session.js';
import type { ClientOperation } from '../results/client-operation.js';
import { MAX_TICKET_FRAMES } from '../tickets/ticket-bytes.js';
import type { ClientSessionConnection } from './client-session-connection.js';

/** Operations before those that were read meanwhile, or let go of, are looked for. */
const MIN_PRUNING = 64;

/**
 * Operations of a session that are over, and that the application has not read to their end: a ticket needs them. They are not held:
 * what the application has let go of, it cannot read any more.
 */
export class UnreadEnds {
  private refs: ReturnType<typeof weakReference<ClientOperation>>[] = [];
  private nextPruning = MIN_PRUNING;
  /** The session, once it is known that it can be resumed. */
  private place: ResumableSession | undefined;

  constructor(
    private readonly connection: Pick<ClientSessionConnection, 'recovery'>,
    private readonly sessionId: number,
  ) {}

  /** Which packet of the session has just come, counted from 1; 0 where it cannot be resumed. */
  get position(): number {
    this.place ??= this.connection.recovery?.sessions.get(this.sessionId);
    return this.place?.received ?? 0;
  }

  /** The operation has come to its end with the packet that has just come. */
  add(operation: ClientOperation): void {
    // What the loop over the whole session has got waits there.
    if (operation.isReadToEnd || (operation.isStreamed && !operation.takesPartials)) return;
    const { position } = this;
    if (position === 0) return;
    operation.endPosition = position;
    this.refs.push(weakReference(operation));
    if (this.refs.length >= this.nextPruning) this.operations();
  }

  /** Those that are not read to their end now. */
  operations(): ClientOperation[] {
    const found: ClientOperation[] = [];
    this.refs = this.refs.slice(-MAX_TICKET_FRAMES).filter((ref) => {
      const operation = ref.deref();
      if (operation === undefined || operation.isReadToEnd) return false;
      found.push(operation);
      return true;
    });
    this.nextPruning = this.refs.length * 2 + MIN_PRUNING;
    return found;
  }
}
