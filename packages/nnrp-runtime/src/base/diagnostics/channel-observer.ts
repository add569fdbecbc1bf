import { isNnrpError, type NnrpError } from 'nnrp-core';
import {
  CONNECTION_END,
  CONNECTION_OPEN,
  OPERATION_END,
  OPERATION_RESULT,
  OPERATION_START,
  OPERATION_SUBMIT,
  PACKET_RECEIVE,
  PACKET_SEND,
  RECOVERY_LOSE,
  RECOVERY_RESUME,
  RECOVERY_SUSPEND,
  SESSION_END,
  SESSION_OPEN,
} from './channels.js';
import type { CallSubmitMessage, RecoveryMessage, SubmitMessage } from './messages.js';
import { type Observer, OF_CALL, observeBy } from './observer.js';

const RECOVERY = { suspend: RECOVERY_SUSPEND, resume: RECOVERY_RESUME, lose: RECOVERY_LOSE };

const CLIENT_EVENTS: Readonly<Record<string, typeof RECOVERY_LOSE | undefined>> = {
  suspended: RECOVERY_SUSPEND,
  resumed: RECOVERY_RESUME,
  lost: RECOVERY_LOSE,
};

/** Calls whose submit has been told. */
const SUBMITTED = new WeakSet<CallSubmitMessage>();

/** Passes on what happens to the channels of node:diagnostics_channel. */
const CHANNEL_OBSERVER: Observer = {
  opened(connection) {
    if (CONNECTION_OPEN.hasSubscribers) CONNECTION_OPEN.publish({ connection });
  },
  ended(connection, error) {
    if (CONNECTION_END.hasSubscribers) CONNECTION_END.publish({ connection, error });
  },
  came(connection, packet) {
    if (!PACKET_RECEIVE.hasSubscribers) return;
    const head = new Uint8Array(packet.bytes.subarray(packet.start, packet.metadataStart + packet.metadataLength));
    PACKET_RECEIVE.publish({ connection, head, bodyBytes: packet.bodyLength });
  },
  leaves(connection, packet) {
    if (!PACKET_SEND.hasSubscribers) return;
    const head = new Uint8Array(packet.headBytes);
    packet.writeHead(new DataView(head.buffer), 0, head);
    PACKET_SEND.publish({ connection, head, bodyBytes: packet.bodyLength ?? packet.body.length });
  },
  session(role, session, remoteAddress) {
    // Asked for its reason, a session makes an error.
    if (!SESSION_OPEN.hasSubscribers && !SESSION_END.hasSubscribers) return;
    const { sessionId, endReason: error } = session;
    const channel = error === undefined ? SESSION_OPEN : SESSION_END;
    if (channel.hasSubscribers) channel.publish({ role, session, sessionId, remoteAddress, ...(error && { error }) });
  },
  submit(sessionId, bytes, options) {
    if (!OPERATION_SUBMIT.hasSubscribers) return options;
    const given = options?.traceId ?? 0n;
    const call = options?.[OF_CALL];
    const told: SubmitMessage = { sessionId, bytes, traceId: given, ...(call && { call }) };
    if (call !== undefined) SUBMITTED.add(call);
    OPERATION_SUBMIT.publish(told);
    const fits = typeof told.traceId === 'bigint' && BigInt.asUintN(64, told.traceId) === told.traceId;
    const own = { traceId: { value: fits ? told.traceId : given }, told: { value: told } };
    // What else it says is the application's, and may be inherited.
    return Object.create(options ?? null, own);
  },
  start(operation, sessionId, bytes, options) {
    if (!OPERATION_START.hasSubscribers) return;
    const { frameId } = operation;
    OPERATION_START.publish({ role: 'client', operation, sessionId, frameId, bytes, submit: options?.told });
  },
  uncalled(call, sessionId, error) {
    if (!SUBMITTED.has(call)) this.unsent(this.submit(sessionId, 0, { [OF_CALL]: call }), error);
  },
  unsent(options, given) {
    const submit = options?.told;
    if (submit === undefined || !OPERATION_END.hasSubscribers) return;
    const error = ofCaller(given);
    const { code } = error as { code?: unknown };
    OPERATION_END.publish({ role: 'client', submit, outcome: typeof code === 'string' ? code : 'NNRP_ERR', error });
  },
  result(operation, bytes, partial) {
    if (OPERATION_RESULT.hasSubscribers && !operation.isOver)
      OPERATION_RESULT.publish({ role: 'client', operation, bytes, partial });
  },
  end(operation, given) {
    if (!OPERATION_END.hasSubscribers) return;
    const error = ofCaller(given);
    OPERATION_END.publish({ role: 'client', operation, outcome: error?.code ?? 'completed', ...(error && { error }) });
  },
  clientEvent(name, remoteAddress, event) {
    const channel = CLIENT_EVENTS[name];
    if (channel === undefined || !channel.hasSubscribers) return;
    const { sessionId = 0, awayMs, error } = event as Partial<RecoveryMessage>;
    const more = { ...(awayMs !== undefined && { awayMs }), ...(error && { error }) };
    channel.publish({ role: 'client', sessionId, remoteAddress, ...more });
  },
  recovery(what, message) {
    const channel = RECOVERY[what];
    if (channel.hasSubscribers) channel.publish(message);
  },
};

/** A call whose time is over, the wait for its turn included, cancels its submit: its caller is told of the time. */
function ofCaller<E>(error: E): E | NnrpError {
  if (!isNnrpError(error, 'NNRP_ERR_CANCELLED')) return error;
  const { cause } = error;
  return isNnrpError(cause, 'NNRP_ERR_DEADLINE') ? cause : error;
}

/** Called where servers and clients of Node.js are made. */
export function tellChannels(): void {
  observeBy(CHANNEL_OBSERVER);
}
