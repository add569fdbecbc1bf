import { FlowBlockedError, FlowGate, type FlowOutcome, FlowScope, FlowSender } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { Pressure } from '../../connection/controls/pressure.js';
import type { ClientSessionConnection } from './client-session-connection.js';

/** Why no submit may start now. */
export interface Blockage {
  /** `connection_full`: the server reads too slowly; `queued`: others wait for their turn; else as FlowBlock says. */
  readonly reason: string;
  /** When it ends by itself, in milliseconds of `performance.now()`. */
  readonly retryAtMs?: number;
}

const OVERFULL: Blockage = Object.freeze({ reason: 'connection_full' });

/** Whether one session may submit, by what the server has said about it and about the connection. */
export class SubmitGate {
  private readonly scope: FlowScope;
  private isTold = false;
  private readonly gate: FlowGate;
  readonly isBackground: boolean;
  private pressureGate: FlowGate | undefined;
  private told: Pressure | undefined;

  constructor(
    private readonly connection: ClientSessionConnection,
    private readonly ack: preview3.SessionOpenAck,
  ) {
    this.scope = new FlowScope(ack.grantedOperationCredit);
    this.gate = new FlowGate(connection.flow.scope, this.scope, ack.maxInFlightOperations);
    this.isBackground = ack.acceptedPriorityClass === preview3.SessionPriorityClass.Background;
  }

  /** What preview4 says of the flow of the session besides FLOW_UPDATE. */
  get pressure(): Pressure {
    this.told ??= new Pressure(new FlowScope());
    return this.told;
  }

  /** FLOW_UPDATE of session scope. */
  update(update: preview3.FlowUpdate): FlowOutcome {
    this.isTold = true;
    return this.scope.apply(update, performance.now());
  }

  /** All that the server has said of the session as one update; undefined when it has said nothing. */
  get said(): preview3.FlowUpdate | undefined {
    const { credit, paused, level, retryAtMs, backgroundOnly, drainInFlightOnly, epoch } = this.scope;
    if (!this.isTold) return undefined;
    const leftMs = retryAtMs === 0 ? 0 : Math.max(1, Math.ceil(retryAtMs - performance.now()));
    const update = new FlowSender(preview3.ScopeKind.Session).next({
      updateReason: paused ? preview3.UpdateReason.Pause : preview3.UpdateReason.Grant,
      backpressureLevel: level,
      backgroundOnly,
      drainInFlightOnly,
      ...(credit !== undefined && { credit }),
      ...(leftMs > 0 && { retryAfterMs: leftMs }),
    });
    return { ...update, creditEpoch: epoch };
  }

  /** @param inFlight - operations of the session in flight */
  blockage(inFlight: number): Blockage | undefined {
    const { flow, isOverfull, recovery } = this.connection;
    if (isOverfull || recovery?.sessions.get(this.ack.sessionId)?.isFull) return OVERFULL;
    const isTimed = this.scope.retryAtMs > 0 || flow.scope.retryAtMs > 0;
    return (
      this.gate.blockedBy(inFlight, flow.inFlight, this.isBackground, isTimed ? performance.now() : 0) ??
      this.pressed?.blockedBy(inFlight, flow.inFlight, this.isBackground, performance.now())
    );
  }

  /** What the pressure of session and connection forbids; undefined where the server has said nothing of it. */
  private get pressed(): FlowGate | undefined {
    const { flow } = this.connection;
    if (this.pressureGate === undefined && (this.told !== undefined || flow.isPressed))
      this.pressureGate = new FlowGate(flow.pressure.scope, this.pressure.scope, 0);
    return this.pressureGate;
  }

  /** Whether the connection lets no session of this kind begin anything now. */
  get isConnectionBlocking(): boolean {
    const { flow, isOverfull } = this.connection;
    if (isOverfull) return true;
    const nowMs = flow.scope.retryAtMs > 0 ? performance.now() : 0;
    return (
      this.gate.isConnectionBlocking(flow.inFlight, this.isBackground, nowMs) ||
      this.pressed?.isConnectionBlocking(flow.inFlight, this.isBackground, performance.now()) === true
    );
  }

  error({ reason, retryAtMs }: Blockage): FlowBlockedError {
    const retryAfterMs = retryAtMs === undefined ? 0 : Math.max(1, Math.ceil(retryAtMs - performance.now()));
    const lost = reason === 'reopening' || this.connection.isAway;
    const why = lost ? `${reason}: the connection is lost, and the session is to go on` : reason;
    const text = `session ${this.ack.sessionId}: no new work may be submitted now (${why})`;
    return new FlowBlockedError(text, reason, retryAfterMs);
  }
}
