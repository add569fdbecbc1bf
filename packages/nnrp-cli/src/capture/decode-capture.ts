import { isWireError } from 'nnrp-core';
import type { RevisionName } from 'nnrp-runtime';
import { REVISIONS } from '../json/codec-revision.js';
import { decodeGuessed } from '../json/guess-revision.js';
import { formatHex } from '../json/hex.js';
import type { JsonObject } from '../json/json-object.js';
import { packetToJson } from '../json/packet-json.js';
import { type CaptureFault, faultText } from './capture-fault.js';
import { closeToJson } from './close-frame.js';
import { beginsLikeFrame, type Frame, isControl, Opcode, readFrame } from './frames.js';
import { beginsLikeUpgrade, isUpgrade, readHttpHeader } from './http-header.js';
import { Message } from './message.js';

/** As much of a text message as is shown. */
const MAX_TEXT_BYTES = 1024;

/** One line of what a capture decodes to. */
export interface CaptureItem {
  readonly json: JsonObject;
  /** What is wrong with it, for people. */
  readonly problem?: string;
}

/** The JSON form of a packet. @throws WireError */
type PacketOf = (bytes: Uint8Array) => JsonObject;

/** Whether bytes that are no packet begin as a capture of WebSocket does. */
export function isCapture(bytes: Uint8Array): boolean {
  return beginsLikeFrame(bytes) || isUpgrade(bytes);
}

/**
 * Decodes a capture of WebSocket, of one direction or of both one after another: HTTP headers of the upgrade, then frames.
 * Packets are decoded where their message ends. After a fault in a header of either kind nothing is known of the bytes that
 * follow, so that it is the last item; whatever is wrong with a message, the next frame is read.
 *
 * @param names - adds the names of enum values and flags to packets
 * @param revision - of the packets; without it the one that accepts them, and they say which
 */
export function* decodeCapture(
  capture: Uint8Array,
  names: boolean,
  revision?: RevisionName,
): Generator<CaptureItem, void, void> {
  const packetOf = (bytes: Uint8Array): JsonObject => {
    if (revision !== undefined) return packetToJson(REVISIONS[revision], bytes, names);
    const { revision: guessed, packet } = decodeGuessed(bytes, names);
    return { revision: guessed, ...packet };
  };
  let at = 0;
  if (capture.length === 0)
    yield item({}, { kind: 'bad_frame', at, expected: 'a frame, or the header of an upgrade', actual: 'no bytes' });
  while (at < capture.length && beginsLikeUpgrade(capture, at)) {
    const { end, json, fault } = readHttpHeader(capture, at);
    yield item({ http: json }, fault);
    if (fault !== undefined) return;
    at = end;
  }
  // Masked frames are a client's, and others a server's: each has a message of its own.
  const messages = new Map<boolean, Message>();
  while (at < capture.length) {
    const { frame, fault } = readFrame(capture, at);
    if (frame === undefined || fault !== undefined) {
      yield item(frame === undefined ? {} : { frame: frameToJson(frame) }, fault);
      return;
    }
    yield decodeFrame(frame, messages, packetOf);
    at = frame.end;
  }
  for (const message of messages.values()) {
    const expected = 'a frame with FIN that ends the message';
    yield item({}, { kind: 'bad_message', at: message.at, expected, actual: 'the end of the capture' });
  }
}

function decodeFrame(frame: Frame, messages: Map<boolean, Message>, packetOf: PacketOf): CaptureItem {
  const { at, opcode, payload, mask, isFinal } = frame;
  const json = { frame: frameToJson(frame) };
  if (opcode === Opcode.Close) {
    const { close, fault } = closeToJson(frame);
    return item({ ...json, close }, fault);
  }
  if (isControl(opcode)) return item({ ...json, payload_hex: formatHex(payload) }, undefined);
  const begun = messages.get(mask !== undefined);
  const wrong = (expected: string, actual: string) => item(json, { kind: 'bad_message', at, expected, actual });
  if (opcode === Opcode.Continuation && begun === undefined)
    return wrong('a binary frame', 'a continuation without a message');
  if (opcode !== Opcode.Continuation && begun !== undefined) {
    messages.delete(mask !== undefined);
    return wrong(`a continuation of the message at byte ${begun.at}`, `a ${frame.opcodeName} frame`);
  }
  const message = begun ?? new Message(at, opcode);
  message.add(payload);
  if (!isFinal) {
    messages.set(mask !== undefined, message);
    return item(json, undefined);
  }
  messages.delete(mask !== undefined);
  return decodeMessage(json, message, packetOf);
}

function decodeMessage(json: JsonObject, { at, opcode, frames, bytes }: Message, packetOf: PacketOf): CaptureItem {
  const whole = { ...json, ...(frames > 1 && { message: { at, frames, length: bytes.length } }) };
  if (opcode === Opcode.Text) {
    const text = Buffer.from(bytes.subarray(0, MAX_TEXT_BYTES)).toString('utf8');
    return item(
      { ...whole, text },
      { kind: 'bad_message', at, expected: 'a binary message', actual: 'a text message' },
    );
  }
  try {
    return { json: { ...whole, packet: packetOf(bytes) } };
  } catch (error) {
    if (!isWireError(error)) throw error;
    const problem = `message at byte ${at} is not one packet: ${error.message}`;
    return { json: { ...whole, payload_hex: formatHex(bytes), error: { ...error.fault } }, problem };
  }
}

function frameToJson({ at, isFinal, opcode, opcodeName, mask, length }: Frame): JsonObject {
  return {
    ...{ at, fin: isFinal, opcode, opcode_name: opcodeName, masked: mask !== undefined },
    ...(mask !== undefined && { mask: formatHex(mask) }),
    length,
  };
}

function item(json: JsonObject, fault: CaptureFault | undefined): CaptureItem {
  if (fault === undefined) return { json };
  return { json: { ...json, error: { ...fault } }, problem: faultText(fault) };
}
