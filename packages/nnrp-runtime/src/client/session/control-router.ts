import { describeFault, type MessageInfo, type Packet, ProtocolError } from 'nnrp-core';
import { ErrorCode } from 'nnrp-core/preview3';
import type { ControlEvent } from '../../connection/controls/control-events.js';
import { preview4Words } from '../../connection/controls/loaded-preview4.js';
import type { ObjectIssue } from '../../connection/controls/object-table.js';
import type { ClientControls } from '../controls/client-controls.js';
import { operationProgress } from '../controls/operation-progress.js';
import type { ClientOperation } from '../results/client-operation.js';
import type { EventStreams } from '../streams/event-stream.js';
import type { ClientSubmits } from '../submits/client-submits.js';
import type { ConnectionFlow } from '../submits/connection-flow.js';
import type { ClientSessionEvent } from './session-events.js';

/** The parts of a session that these messages go to. */
export interface ControlParts {
  readonly sessionId: number;
  readonly submits: ClientSubmits;
  readonly controls: ClientControls;
  readonly events: EventStreams<ClientSessionEvent>;
}

/** What comes of a message: it was taken; it belongs to nothing; or it breaks a rule. */
export type ControlOutcome = 'taken' | 'stray' | ProtocolError;

/**
 * Reads the messages that only preview4 has. What is about an operation that is over by now is left out without a word: it has crossed
 * the end. A message that breaks a rule is reported, and costs nothing else.
 */
export class ControlRouter {
  constructor(
    private readonly flow: ConnectionFlow,
    private readonly parts: ControlParts,
  ) {}

  receive(packet: Packet, { name }: MessageInfo): ControlOutcome {
    const { readControl, operationOf } = preview4Words();
    const read = readControl(packet);
    if (read === undefined) return 'stray';
    if ('fault' in read) {
      return new ProtocolError(`${name}: ${describeFault(read.fault)}`, ErrorCode.MalformedBody, read.fault);
    }
    const { kind, event } = read;
    const { submits, events } = this.parts;
    const operationId = operationOf(event, kind);
    const operation = packet.frameId === 0 ? undefined : submits.operation(packet.frameId);
    if (operationId !== 0n) {
      if (operation === undefined)
        return packet.frameId > 0 && packet.frameId <= submits.highestFrameId ? 'taken' : 'stray';
      const [low, high] = [Number(operationId & 0xffff_ffffn), Number(operationId >> 32n)];
      if (operation.words?.isNamedAs(low, high) === false) {
        const text = `frame ${packet.frameId} is not that of operation ${operationId}`;
        return new ProtocolError(text, ErrorCode.InvalidState);
      }
    }
    const issue = this.apply(event, operation);
    if (events.wanted) events.push({ ...event, ...(operation && { operation }), ...(issue && { issue }) });
    return 'taken';
  }

  /** @returns what is wrong with a message about an object */
  private apply(event: ControlEvent, operation: ClientOperation | undefined): ObjectIssue | undefined {
    const { submits, controls, sessionId } = this.parts;
    switch (event.type) {
      case 'progress':
        operation?.words?.progressed(operationProgress(event.metadata, event.body));
        break;
      case 'creditUpdate':
      case 'backpressure':
      case 'retryAfter':
        this.pressed(event);
        submits.line.goOn();
        break;
      default:
        return preview4Words().noteObject(controls.objects, event, sessionId);
    }
    return undefined;
  }

  private pressed(event: Extract<ControlEvent, { type: 'creditUpdate' | 'backpressure' | 'retryAfter' }>): void {
    const { flags } = event.metadata;
    const { AppliesToConnection, AppliesToOperation } = preview4Words().PressureFlags;
    // A single operation submits nothing.
    if ((flags & AppliesToOperation) !== 0) return;
    const isOfConnection = (flags & AppliesToConnection) !== 0;
    const pressure = isOfConnection ? this.flow.pressure : this.parts.submits.line.pressure;
    if (event.type === 'creditUpdate') pressure.credit(event.metadata);
    else if (event.type === 'backpressure') pressure.backpressure(event.metadata);
    else pressure.retryAfter(event.metadata);
    if (isOfConnection) this.flow.pressed();
  }
}
