import { type MessageInfo, UsageError } from 'nnrp-core';
import { COMMON_HEADER_BYTES, MessageType } from 'nnrp-core/preview3';

/** What the lengths of a header can say, together. */
export const MOST_BYTES = 0xffffffff;
/** Messages of the protocol's own, which must not fail for their length; they are short. */
const OWN: readonly number[] = [MessageType.Error, MessageType.SessionOpenAck, MessageType.ServerHelloAck];

/** Errors that say so, with what the other side may be told. */
const tooLarge = new WeakMap<object, string>();

/**
 * @param info - the message, by its type
 * @param most - bytes of metadata and body that may be sent
 * @returns the error for a message that is too large; undefined when it may be sent all the same
 */
export function packetTooLarge(
  info: MessageInfo | undefined,
  messageType: number,
  sessionId: number,
  frameId: number,
  bytes: number,
  most: number,
): UsageError | undefined {
  if (bytes <= MOST_BYTES && OWN.includes(messageType)) return undefined;
  const total = bytes + COMMON_HEADER_BYTES;
  const limit =
    most === MOST_BYTES ? 'a header can say' : `the other side takes: its limit is ${most + COMMON_HEADER_BYTES} bytes`;
  const what = frameId === 0 ? `session ${sessionId}` : `frame ${frameId} of session ${sessionId}`;
  const text = `${info?.name ?? messageType} of ${what} has ${total} bytes, more than ${limit}`;
  const error = new UsageError(`${text}; it was not sent, send less or in parts`);
  tooLarge.set(error, text);
  return error;
}

/** What the other side is told of a packet that was too large for it; undefined for any other error. */
export function tooLargeText(error: unknown): string | undefined {
  return typeof error === 'object' && error !== null ? tooLarge.get(error) : undefined;
}
