import { type FlowOutcome, forCaller, type NnrpError } from 'nnrp-core';
import type * as preview3 from 'nnrp-core/preview3';
import { type BodyInput, isMadeAnew } from '../../connection/body/body-bytes.js';
import type { Pressure } from '../../connection/controls/pressure.js';
import type { ClientSessionConnection } from './client-session-connection.js';
import { RoomTurn, type RoomWaiter } from './connection-flow.js';
import { type Blockage, SubmitGate } from './submit-gate.js';
import { CompleteSubmit, checkNotAborted, type SubmitOptions } from './submit-options.js';
import { type Begun, type SubmitStarter, WaitingSubmits } from './waiting-submits.js';

const BEHIND_OTHERS: Blockage = Object.freeze({ reason: 'queued' });

/** The session is lost, and another one is to take its place. */
const REOPENING: Blockage = Object.freeze({ reason: 'reopening' });

/** When the submits of one session may go: at once, or in their turn, as flow control allows. */
export class SubmitLine implements RoomWaiter {
  readonly roomTurn: RoomTurn = new RoomTurn(this);
  private readonly gate: SubmitGate;
  private readonly waiting: WaitingSubmits;
  private reason: NnrpError | undefined;
  /** Why nothing goes, whatever flow control says. */
  private reopening: Blockage | undefined;

  /** @param before - of the session that was lost: what waits there waits here from now on, see {@link goOn} */
  constructor(
    private readonly connection: ClientSessionConnection,
    ack: preview3.SessionOpenAck,
    private readonly starter: SubmitStarter,
    before?: SubmitLine,
  ) {
    this.gate = new SubmitGate(connection, ack);
    const { maxWaitingSubmits } = connection.config;
    const serve = () => connection.flow.serve(this);
    this.waiting = before?.waiting ?? new WaitingSubmits(connection, serve, maxWaitingSubmits);
    if (before === undefined) return;
    this.waiting.retryNow = serve;
    connection.flow.forget(before);
  }

  get isBackground(): boolean {
    return this.gate.isBackground;
  }

  /** Why no submit is taken at all; undefined when they are. */
  get stopReason(): NnrpError | undefined {
    return this.reason;
  }

  /** No submit is taken any more, and those that wait are refused. */
  stopTaking(reason: NnrpError): void {
    this.reason = reason;
    this.connection.flow.forget(this);
    this.waiting.end(reason);
    // Another one looks after the time to wait now.
    this.connection.flow.serveAll();
  }

  /** What waits, and what comes, waits for another session. */
  waitForReopening(): void {
    this.reopening = REOPENING;
    this.connection.flow.serve(this);
  }

  /** What has waited for this session may go. */
  goOn(): void {
    this.connection.flow.serve(this);
  }

  /** Submits are taken again. */
  admit(): void {
    this.reason = undefined;
  }

  error(blockage: Blockage): Error {
    return this.gate.error(blockage);
  }

  /**
   * @param inFlight - operations of the session in flight
   * @returns why a submit has to wait; undefined when it may go
   * @throws why no work is taken at all
   */
  blockage(inFlight: number): Blockage | undefined {
    if (this.reason !== undefined) throw forCaller(this.reason);
    if (this.reopening !== undefined) return this.reopening;
    const blockage = this.gate.blockage(inFlight);
    if (blockage !== undefined || this.waiting.isEmpty) return blockage;
    // The time to wait has just passed: submits that have waited for it go first.
    this.connection.flow.serve(this);
    return this.gate.blockage(this.starter.inFlightCount) ?? (this.waiting.isEmpty ? undefined : BEHIND_OTHERS);
  }

  /**
   * The application goes on with what it has given: while others are answered it may fill a buffer anew.
   *
   * @param bytes - of the body
   * @param begun - what the caller gets of the operation when its turn has come
   */
  wait<Outcome>(
    body: BodyInput,
    bytes: Uint8Array,
    complete: preview3.FrameSubmit,
    options: SubmitOptions | undefined,
    blockage: Blockage,
    begun: Begun<Outcome>,
  ): Promise<Outcome> {
    if (options?.onBlocked === 'fail') throw this.gate.error(blockage);
    checkNotAborted(options?.signal);
    const metadata = complete === options?.metadata ? new CompleteSubmit(complete) : complete;
    const own = isMadeAnew(body) ? bytes : new Uint8Array(bytes);
    const started = this.waiting.add(own, metadata, options, begun);
    this.connection.flow.serve(this);
    return started;
  }

  startNext(): 'started' | 'connection blocked' | 'blocked' | 'empty' {
    const next = this.waiting.first();
    if (next === undefined) return 'empty';
    if (this.reopening !== undefined) return 'blocked';
    const blockage = this.gate.blockage(this.starter.inFlightCount);
    if (blockage !== undefined) {
      this.waiting.retry(blockage);
      return this.gate.isConnectionBlocking ? 'connection blocked' : 'blocked';
    }
    this.waiting.take(next);
    try {
      const { starter } = this;
      next.begun(starter.start(next.body, next.metadata, next.options), starter);
    } catch (error) {
      next.reject(error as Error);
    }
    return 'started';
  }

  /** All that the server has said of the flow of the session as one update; undefined when it has said nothing. */
  get flowSaid(): preview3.FlowUpdate | undefined {
    return this.gate.said;
  }

  /** What preview4 says of the flow of the session besides FLOW_UPDATE; look at it again by `goOn`. */
  get pressure(): Pressure {
    return this.gate.pressure;
  }

  /** FLOW_UPDATE of session scope. */
  flowUpdated(update: preview3.FlowUpdate): FlowOutcome {
    const outcome = this.gate.update(update);
    if (outcome === 'applied') this.connection.flow.serve(this);
    return outcome;
  }
}
