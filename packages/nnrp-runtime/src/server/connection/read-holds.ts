import { type FlowFields, FlowSender } from 'nnrp-core';
import { BackpressureLevel, MessageType, ScopeKind, UpdateReason } from 'nnrp-core/preview3';
import { type Readable, ReadingHold } from '../../connection/reading-hold.js';
import { FLOW_UPDATE } from '../../connection/sending/codecs.js';
import type { SessionConnection } from '../../connection/session-endpoint.js';

/** What pressure acts on. */
export interface ReadHoldsOwner extends Pick<SessionConnection, 'send'> {
  readonly isClosed: boolean;
}

/**
 * Why a connection is not read at the moment: a full transport, sessions whose queues are full, a policy that is asked. A
 * peer that does not read its answers is not read from either, since its next request would only add to them.
 */
export class ReadHolds extends ReadingHold {
  private transportPausesReading = false;
  private clientPaused = false;
  private flowSender: FlowSender | undefined;

  constructor(
    transport: Readable,
    private readonly owner: ReadHoldsOwner,
  ) {
    super(transport);
  }

  protected override readOn(): void {
    if (!this.owner.isClosed) super.readOn();
  }

  transportIsFull(isFull: boolean): void {
    if (isFull === this.transportPausesReading) return;
    this.transportPausesReading = isFull;
    if (isFull) this.hold();
    else this.release();
  }

  /** Senders that do not wait pile up: the client is asked to pause, for the day it reads again. */
  outboxHalfFull(): void {
    if (this.clientPaused) return;
    this.clientPaused = true;
    this.sendFlow({ updateReason: UpdateReason.Congestion, backpressureLevel: BackpressureLevel.Hard });
  }

  outboxDrained(): void {
    if (this.clientPaused) {
      this.clientPaused = false;
      this.sendFlow({ updateReason: UpdateReason.Resume });
    }
  }

  /** FLOW_UPDATE for the whole connection. */
  private sendFlow(fields: FlowFields): void {
    this.flowSender ??= new FlowSender(ScopeKind.Connection);
    this.owner.send(MessageType.FlowUpdate, 0, 0, FLOW_UPDATE, this.flowSender.next(fields));
  }
}
