import { BackpressureLevel } from '../../generated/preview3/enums.js';
import type { FlowScope } from './flow-scope.js';

/** Why a new operation may not begin now. */
export interface FlowBlock {
  /**
   * `in_flight_limit`: as many operations as the session may have; `credit`: as many as the credit, or the half of it
   * under soft backpressure, allows; the others: the peer forbids it, whatever the number.
   */
  readonly reason:
    | 'in_flight_limit'
    | 'credit'
    | 'paused'
    | 'hard'
    | 'background_only'
    | 'drain_in_flight_only'
    | 'retry_after';
  /** Only with retry_after: when it may begin, in milliseconds of the caller's clock. */
  readonly retryAtMs?: number;
}

const PAUSED: FlowBlock = /* @__PURE__ */ Object.freeze({ reason: 'paused' });
const HARD: FlowBlock = /* @__PURE__ */ Object.freeze({ reason: 'hard' });
const DRAIN: FlowBlock = /* @__PURE__ */ Object.freeze({ reason: 'drain_in_flight_only' });
const BACKGROUND: FlowBlock = /* @__PURE__ */ Object.freeze({ reason: 'background_only' });
const LIMIT: FlowBlock = /* @__PURE__ */ Object.freeze({ reason: 'in_flight_limit' });
const CREDIT: FlowBlock = /* @__PURE__ */ Object.freeze({ reason: 'credit' });

/**
 * Decides whether a session may begin a new operation, from what the peer has said about the connection and the session.
 *
 * Credit is a window: the number of operations that may be in flight at once, not a number that is used up. The window
 * of the session is the smaller of its in-flight limit and its credit, that of the connection its credit. Soft
 * backpressure halves the window of its scope, down to 1 at least; on the connection it halves that of the session, too,
 * so that it slows down sessions of a connection that has no credit of its own. A window of 0 lets nothing begin.
 *
 * @see NNRP/1-preview3 sections 7.9, 8.9 and 19
 */
export class FlowGate {
  /**
   * @param connection - shared by all sessions of the connection
   * @param session - of this session
   * @param maxInFlight - max_in_flight_operations of the open acknowledgement; 0 = no limit
   */
  constructor(
    private readonly connection: FlowScope,
    private readonly session: FlowScope,
    private readonly maxInFlight: number,
  ) {}

  /**
   * What keeps a new operation from beginning now; undefined when nothing does. What only an update can lift is named
   * before what time lifts, and that before what the end of an operation lifts.
   *
   * @param inFlightSession - operations of the session that have not ended
   * @param inFlightConnection - operations of all sessions of the connection that have not ended
   * @param background - whether the session has the priority background
   * @param nowMs - the clock that the scopes were given
   */
  blockedBy(
    inFlightSession: number,
    inFlightConnection: number,
    background: boolean,
    nowMs: number,
  ): FlowBlock | undefined {
    const { connection, session, maxInFlight } = this;
    if (connection.paused || session.paused) return PAUSED;
    const connectionLevel = connection.level;
    const level = Math.max(connectionLevel, session.level);
    if (level === BackpressureLevel.Hard) return HARD;
    if (connection.drainInFlightOnly || session.drainInFlightOnly) return DRAIN;
    if (!background && (connection.backgroundOnly || session.backgroundOnly)) return BACKGROUND;
    const retryAtMs = Math.max(connection.retryAtMs, session.retryAtMs);
    if (nowMs < retryAtMs) return { reason: 'retry_after', retryAtMs };

    const limit = maxInFlight > 0 ? maxInFlight : Number.POSITIVE_INFINITY;
    if (inFlightSession >= limit) return LIMIT;
    const sessionWindow = Math.min(limit, session.credit ?? Number.POSITIVE_INFINITY);
    if (inFlightSession >= slowed(sessionWindow, level)) return CREDIT;
    return this.isConnectionFull(inFlightConnection) ? CREDIT : undefined;
  }

  /** Whether the connection alone keeps every session that is background, or not, from beginning; see `blockedBy`. */
  isConnectionBlocking(inFlightConnection: number, background: boolean, nowMs: number): boolean {
    const { paused, level, drainInFlightOnly, backgroundOnly, retryAtMs } = this.connection;
    if (paused || level === BackpressureLevel.Hard || drainInFlightOnly) return true;
    return (!background && backgroundOnly) || nowMs < retryAtMs || this.isConnectionFull(inFlightConnection);
  }

  private isConnectionFull(inFlight: number): boolean {
    const { credit, level } = this.connection;
    return inFlight >= slowed(credit ?? Number.POSITIVE_INFINITY, level);
  }
}

/** The window under backpressure: half of it, but one operation at least where there was room for one. */
function slowed(window: number, level: number): number {
  return level === BackpressureLevel.None || window <= 1 ? window : Math.floor(window / 2);
}
