import type { UsageError } from 'nnrp-core';
import { background, type Guarded } from '../../base/guard.js';
import { unheard } from '../../base/promises/settled.js';
import { bodyChanged, COPY_LIMIT, lent } from '../../transport/stream/lent-packet.js';
import type { LentPlaces } from './lent-places.js';
import type { Operation } from './operation.js';
import type { ResultGate } from './result-gate.js';
import type { RoomLine, RoomWaiter } from './room-line.js';

/** What results that come later need of the operations of their session. */
export interface DelaysOwner extends Guarded {
  /** A result cannot be sent, because its body was transferred or resized: without it the rest would be wrong. */
  spoiled(operation: Operation, error: UsageError): void;
}

/** Results of a session that are not sent at once: the client wants none now, or others wait to be sent before them. */
export class DelayedResults {
  constructor(
    private readonly sessionId: number,
    private readonly gate: ResultGate,
    private readonly connection: { readonly room: RoomLine },
    private readonly places: LentPlaces,
    private readonly owner: DelaysOwner,
  ) {}

  /** Sends when the client lets results flow again, in the order of the calls. */
  later(operation: Operation, body: Uint8Array, send: (held: Uint8Array) => Promise<void>): Promise<void> {
    const { gate } = this;
    if (gate.isTooMuch(operation, body.length)) {
      // A handler that awaits nothing hears the same each time: an error for each would cost more than what is held.
      operation.refusedPush ??= unheard(Promise.reject(gate.refusal()));
      return operation.refusedPush;
    }
    operation.refusedPush = undefined;
    const held = body.length <= COPY_LIMIT ? new Uint8Array(body) : lent(body);
    const bytes = held.length;
    operation.heldResults++;
    const settled = () => {
      operation.heldResults--;
    };
    const sent = gate.afterHold(operation, bytes, () => this.sendHeld(operation, held, bytes, send));
    background(this.owner, sent.then(settled, settled));
    return this.places.during(operation, sent);
  }

  /** Sends when its turn has come, when the next one of the operation is there, or not at all when that is over. */
  inTurn(operation: Operation, body: Uint8Array, send: (held: Uint8Array) => Promise<void>): Promise<void> {
    const { room } = this.connection;
    const held = body.length <= COPY_LIMIT ? new Uint8Array(body) : lent(body);
    const bytes = held.length;
    const sent = new Promise<void>((resolve, reject) => {
      const waiter: RoomWaiter = {
        bytes,
        send: () => {
          operation.sendWaiting = undefined;
          try {
            this.sendHeld(operation, held, bytes, send).then(resolve, reject);
          } catch (error) {
            reject(error);
          }
        },
      };
      operation.sendWaiting = () => {
        room.leave(waiter);
        waiter.send();
      };
      room.wait(waiter);
    });
    return this.places.during(operation, unheard(sent));
  }

  private sendHeld(
    operation: Operation,
    held: Uint8Array,
    bytes: number,
    send: (held: Uint8Array) => Promise<void>,
  ): Promise<void> {
    if (operation.isOver) return Promise.reject(operation.refusal());
    if (held.length === bytes) return send(held);
    const result = `a result of frame ${operation.frameId} of session ${this.sessionId}`;
    const error = bodyChanged(result, bytes, held.length);
    this.owner.spoiled(operation, error);
    return Promise.reject(error);
  }
}
