import type * as preview4 from 'nnrp-core/preview4';
import { DEADLINE_TYPE, PRIORITY_UPDATE_TYPE } from '../../connection/codes/preview4-codes.js';
import { type ControlTarget, SessionControls } from '../../connection/controls/session-controls.js';
import { WaitingEvents } from '../streams/event-stream.js';

/** What a client may say of a session in preview4 besides submits; what it says of one operation are calls of that. */
export class ClientControls extends SessionControls {
  /** @internal What reports of operations hold that are not read. */
  readonly unread = new WaitingEvents();

  /** @internal For operations: PRIORITY_UPDATE, DEADLINE or EXPIRE_AT. */
  schedule(messageType: number, target: ControlTarget, change: Partial<preview4.Scheduling>): boolean {
    const { DEADLINE, EXPIRE_AT, PRIORITY_UPDATE } = this.words.kinds;
    if (messageType === PRIORITY_UPDATE_TYPE) return this.send(PRIORITY_UPDATE, change, target);
    return messageType === DEADLINE_TYPE ? this.send(DEADLINE, change, target) : this.send(EXPIRE_AT, change, target);
  }

  /** @internal For operations. */
  supersede(target: ControlTarget, newOperationId: bigint, controlSequence: bigint, abort: boolean): boolean {
    const { kinds, SupersedeFlags } = this.words;
    const flags = abort ? SupersedeFlags.AbortOld : 0;
    return this.send(kinds.SUPERSEDE, { newOperationId, controlSequence, flags }, target);
  }
}
