import { type FlowOutcome, forCaller, type NnrpError } from 'nnrp-core';
import type * as preview3 from 'nnrp-core/preview3';
import { type BodyInput, isMadeAnew } from '../../connection/body/body-bytes.js';
import type { ClientOperation } from '../results/client-operation.js';
import type { ClientSessionConnection } from './client-session-connection.js';
import { RoomTurn, type RoomWaiter } from './connection-flow.js';
import { type Blockage, SubmitGate } from './submit-gate.js';
import { CompleteSubmit, checkNotAborted, type SubmitOptions } from './submit-options.js';
import { WaitingSubmits } from './waiting-submits.js';

const BEHIND_OTHERS: Blockage = Object.freeze({ reason: 'queued' });

/** What sends a submit whose turn has come. */
export interface SubmitStarter {
  /** Operations of the session in flight. */
  readonly inFlightCount: number;
  start(body: Uint8Array, metadata: preview3.FrameSubmit, options?: SubmitOptions): ClientOperation;
}

/** When the submits of one session may go: at once, or in their turn, as flow control allows. */
export class SubmitLine implements RoomWaiter {
  readonly roomTurn: RoomTurn = new RoomTurn(this);
  private readonly gate: SubmitGate;
  private readonly waiting: WaitingSubmits;
  private reason: NnrpError | undefined;

  constructor(
    private readonly connection: ClientSessionConnection,
    ack: preview3.SessionOpenAck,
    private readonly starter: SubmitStarter,
  ) {
    this.gate = new SubmitGate(connection, ack);
    this.waiting = new WaitingSubmits(
      connection,
      () => connection.flow.serve(this),
      connection.config.maxWaitingSubmits,
    );
  }

  get isBackground(): boolean {
    return this.gate.isBackground;
  }

  /** Why no submit is taken at all; undefined when they are. */
  get refusal(): NnrpError | undefined {
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
    const blockage = this.gate.blockage(inFlight);
    if (blockage !== undefined || this.waiting.isEmpty) return blockage;
    // The time to wait has just passed: those who have waited for it go first.
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
    begun: (operation: ClientOperation) => Promise<Outcome>,
  ): Promise<Outcome> {
    if (options?.onBlocked === 'fail') throw this.gate.error(blockage);
    checkNotAborted(options?.signal);
    const metadata = complete === options?.metadata ? new CompleteSubmit(complete) : complete;
    const own = isMadeAnew(body) ? bytes : new Uint8Array(bytes);
    const started = this.waiting.add(own, metadata, options, begun);
    this.connection.flow.serve(this);
    return started;
  }

  startNext(): 'started' | 'held up' | 'blocked' | 'idle' {
    const next = this.waiting.first();
    if (next === undefined) return 'idle';
    const blockage = this.gate.blockage(this.starter.inFlightCount);
    if (blockage !== undefined) {
      this.waiting.retry(blockage);
      return this.gate.isConnectionBlocking ? 'held up' : 'blocked';
    }
    this.waiting.take(next);
    try {
      next.begun(this.starter.start(next.body, next.metadata, next.options));
    } catch (error) {
      next.reject(error as Error);
    }
    return 'started';
  }

  /** FLOW_UPDATE of session scope. */
  flowUpdated(update: preview3.FlowUpdate): FlowOutcome {
    const outcome = this.gate.update(update);
    if (outcome === 'applied') this.connection.flow.serve(this);
    return outcome;
  }
}
