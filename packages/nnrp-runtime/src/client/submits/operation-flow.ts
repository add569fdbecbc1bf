import { type FlowFields, FlowSender } from 'nnrp-core';
import { MessageType, PeerMessages, ScopeKind, UpdateReason } from 'nnrp-core/preview3';
import { FLOW_UPDATE } from '../../connection/sending/codecs.js';
import type { Lane } from '../../connection/sending/outbox.js';
import type { ClientOperation } from '../results/client-operation.js';
import type { ClientSessionConnection } from './client-session-connection.js';

/**
 * What the server is told about the flow of single operations of a session. An operation whose results are not read is
 * paused, so that it does not fill the memory that all operations of the connection share.
 */
export class OperationFlow {
  /** Made for the first operation that something is said about. */
  private senders: WeakMap<ClientOperation, FlowSender> | undefined;
  /** Operations that the application has spoken about: they are its own business. */
  private ownBusiness: WeakSet<ClientOperation> | undefined;

  /** The highest epoch that was used, of any operation. */
  highestEpoch = 0;

  /** @param firstEpoch - that the server has had already, of any operation */
  constructor(
    private readonly connection: ClientSessionConnection,
    private readonly sessionId: number,
    private readonly lane: Lane,
    private readonly firstEpoch = 0,
  ) {}

  /** The application says something about an operation. @throws WireError when a value does not fit */
  tell(operation: ClientOperation, fields: FlowFields): void {
    this.ownBusiness ??= new WeakSet();
    this.ownBusiness.add(operation);
    this.send(operation, fields);
  }

  /** Asks the server to hold the operation's results back. @returns whether it was asked */
  pause(operation: ClientOperation): boolean {
    if (!this.connection.understands(PeerMessages.ErrorClosePing) || this.ownBusiness?.has(operation)) return false;
    this.send(operation, { updateReason: UpdateReason.Pause });
    return true;
  }

  /** Lets the results of a paused operation come again. */
  resume(operation: ClientOperation): void {
    if (!this.ownBusiness?.has(operation)) this.send(operation, { updateReason: UpdateReason.Resume });
  }

  private send(operation: ClientOperation, fields: FlowFields): void {
    this.senders ??= new WeakMap();
    let sender = this.senders.get(operation);
    if (sender === undefined) {
      sender = new FlowSender(ScopeKind.Operation, operation.id, this.firstEpoch);
      this.senders.set(operation, sender);
    }
    const update = sender.next(fields);
    this.highestEpoch = Math.max(this.highestEpoch, update.creditEpoch);
    this.connection.send(MessageType.FlowUpdate, this.sessionId, 0, FLOW_UPDATE, update, undefined, this.lane);
  }
}
