import * as preview4 from 'nnrp-core/preview4';
import { DEADLINE, EXPIRE_AT, PRIORITY_UPDATE, SUPERSEDE } from '../../connection/controls/control-kinds.js';
import { type ControlTarget, SessionControls } from '../../connection/controls/session-controls.js';

/** What a client may say of a session in preview4 besides submits; what it says of one operation are calls of that. */
export class ClientControls extends SessionControls {
  /** @internal For operations: PRIORITY_UPDATE, DEADLINE or EXPIRE_AT. */
  schedule(messageType: number, target: ControlTarget, change: Partial<preview4.Scheduling>): boolean {
    const { Deadline, PriorityUpdate } = preview4.MessageType;
    if (messageType === PriorityUpdate) return this.send(PRIORITY_UPDATE, change, target);
    return messageType === Deadline ? this.send(DEADLINE, change, target) : this.send(EXPIRE_AT, change, target);
  }

  /** @internal For operations. */
  supersede(target: ControlTarget, newOperationId: bigint, controlSequence: bigint, abort: boolean): boolean {
    const flags = abort ? preview4.SupersedeFlags.AbortOld : 0;
    return this.send(SUPERSEDE, { newOperationId, controlSequence, flags }, target);
  }
}
