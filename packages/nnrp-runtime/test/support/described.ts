import type { Packet } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { isPartial } from '../../src/connection/body/result-kind.js';

const { MessageType } = preview3;

/** What a packet from a server says, in a few words that can be compared: `partial 1 text`, `drop 2`, `error frame 1 12`. */
export function described(packet: Packet): string {
  const { view, metadataStart: start, frameId } = packet;
  switch (packet.messageType) {
    case MessageType.ResultPush: {
      const { resultClass, resultFlags } = preview3.decodeResultPush(view, start);
      return `${isPartial(resultClass, resultFlags) ? 'partial' : 'result'} ${frameId} ${textOf(packet)}`.trimEnd();
    }
    case MessageType.ResultDrop:
      return `drop ${frameId}`;
    case MessageType.Error: {
      const { errorCode, errorScope } = preview3.decodeErrorMessage(view, start);
      return `error ${nameOf(preview3.ErrorScope, errorScope)} ${frameId} ${nameOf(preview3.ErrorCode, errorCode)}`;
    }
    case MessageType.FlowUpdate: {
      const { scopeKind, updateReason, backpressureLevel } = preview3.decodeFlowUpdate(view, start);
      const scope = nameOf(preview3.ScopeKind, scopeKind);
      const reason = nameOf(preview3.UpdateReason, updateReason);
      return `flow ${scope} ${reason} ${nameOf(preview3.BackpressureLevel, backpressureLevel)}`;
    }
    case MessageType.SessionClose:
      return `close ${nameOf(preview3.CloseReason, preview3.decodeSessionClose(view, start).closeReason)}`;
    case MessageType.SessionCloseAck:
      return `close ack ${nameOf(preview3.CloseStatus, preview3.decodeSessionCloseAck(view, start).closeStatus)}`;
    case MessageType.SessionOpenAck: {
      const { sessionId, sessionErrorCode } = preview3.decodeSessionOpenAck(view, start);
      return sessionErrorCode === 0
        ? `opened ${sessionId}`
        : `refused ${nameOf(preview3.SessionErrorCode, sessionErrorCode)}`;
    }
    default:
      return nameOf(MessageType, packet.messageType);
  }
}

/** The body as text; of an ERROR the diagnostic, without the details behind it. */
export function textOf(packet: Packet): string {
  const isError = packet.messageType === MessageType.Error;
  const end = isError ? preview3.decodeErrorMessage(packet.view, packet.metadataStart).diagnosticBytes : undefined;
  return new TextDecoder().decode(packet.body.subarray(0, end));
}

function nameOf(values: Readonly<Record<string, number>>, value: number): string {
  const [name] = Object.entries(values).find(([, known]) => known === value) ?? [String(value)];
  return name.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toLowerCase();
}
