import type { Packet } from 'nnrp-core';
import type * as preview3 from 'nnrp-core/preview3';
import { MessageType } from 'nnrp-core/preview4';
import { isPartialResult } from '../../../connection/body/result-kind.js';
import { PARTIAL_RESULT, type PartOfOperation, RESULT_PUSH_4 } from '../../../connection/revision/codecs-preview4.js';
import { completeResult, type ResultInit } from '../../contract/server-messages.js';
import { ResultSender } from '../result-sender.js';
import type { OperationOfPreview4 } from './operation.js';

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] };

/** What is sent is read while it is sent, so one object serves all sessions. */
const PART: Mutable<PartOfOperation> = {
  operationLow: 0,
  operationHigh: 0,
  resultSequence: 0,
  deltaSequence: 0,
  bodyBytes: 0,
  flags: 0,
};

/** Sends partial results as PARTIAL_RESULT, which has no metadata of the application's, and last ones as RESULT_PUSH. */
export class ResultSenderOfPreview4 extends ResultSender {
  /** RESULT_PUSH is the last one, also when it says that tiles are left out. */
  protected override lastOf(init: ResultInit, defaults: preview3.ResultPush): preview3.ResultPush {
    return completeResult(init, defaults);
  }

  override isPartial(packet: Packet): boolean {
    return isPartialResult(packet, true);
  }

  protected override sendPush(
    operation: OperationOfPreview4,
    metadata: preview3.ResultPush,
    body: Uint8Array,
    partial: boolean,
  ): boolean {
    const { connection, lane, tally } = this.session;
    const { frameId, traceLow, traceHigh } = operation;
    const { length } = body;
    const { sessionId } = this;
    // The message has no room for a part without bytes.
    if (partial && length === 0) return true;
    let room: boolean;
    if (partial) {
      PART.operationLow = operation.operationLow;
      PART.operationHigh = operation.operationHigh;
      PART.deltaSequence = operation.parts;
      PART.resultSequence = operation.parts + 1;
      PART.bodyBytes = length;
      const { PartialResult } = MessageType;
      room = connection.send(
        PartialResult,
        sessionId,
        frameId,
        PARTIAL_RESULT,
        PART,
        body,
        lane,
        traceLow,
        traceHigh,
        true,
      );
      operation.parts++;
    } else {
      const { ResultPush } = MessageType;
      room = connection.send(ResultPush, sessionId, frameId, RESULT_PUSH_4, metadata, body, lane, traceLow, traceHigh);
    }
    tally.sent(operation, length, partial);
    return room;
  }
}
