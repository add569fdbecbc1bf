import type { Packet } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import type { Lie, Speaker } from './lying-proxy.js';
import { wireBytes } from './wire-messages.js';

const { MessageType } = preview3;
const HEADER_BYTES = 40;

/** Opens sessions and answers PING, and says nothing else, whatever is asked of it. */
export const SILENT: Lie = (packet, speaker) => (speaker === 'theirs' || isTalk(packet) ? [wireBytes(packet)] : []);

/**
 * Something wrong in every packet that asks for a session, grants one or refuses one: the tag, which both sides choose
 * freely, and the code of a refusal.
 */
export const WRONG_OPENING: Lie = changing(
  [MessageType.SessionOpen, MessageType.SessionOpenAck],
  (metadata, packet) => {
    if (packet.messageType === MessageType.SessionOpen) flip(metadata, 40);
    else {
      flip(metadata, 36);
      if (metadata.getUint32(48, true) !== 0) flip(metadata, 48);
    }
  },
);

function flip(view: DataView, at: number): void {
  view.setUint8(at, view.getUint8(at) ^ 0x40);
}

/** Changes the metadata of some messages of one side; everything else passes as it is. */
export function changing(
  messageTypes: readonly number[],
  change: (metadata: DataView, packet: Packet) => void,
  whose: Speaker = 'ours',
): Lie {
  return edited(messageTypes, (packet) => change(metadataOf(packet), packet), whose);
}

/** Changes the header of some messages of the side under test. */
export function changingHeader(messageTypes: readonly number[], change: (header: DataView) => void): Lie {
  return edited(
    messageTypes,
    ({ view, start }) => change(new DataView(view.buffer, view.byteOffset + start, 40)),
    'ours',
  );
}

/** Says some messages twice. */
export function doubling(messageType: number): Lie {
  return (packet, speaker) => {
    const bytes = wireBytes(packet);
    return speaker === 'ours' && packet.messageType === messageType ? [bytes, bytes] : [bytes];
  };
}

/** Leaves some messages out. */
export function omitting(messageType: number, whose: Speaker = 'ours', frameId?: number): Lie {
  return (packet, speaker) => {
    const meant = speaker === whose && packet.messageType === messageType;
    return meant && (frameId === undefined || packet.frameId === frameId) ? [] : [wireBytes(packet)];
  };
}

/** FLOW_UPDATEs always look newer than those before: what a client does that never looks at epochs. */
export function risingEpochs(): Lie {
  let epoch = 1000;
  return changing([MessageType.FlowUpdate], (metadata) => metadata.setUint32(24, ++epoch, true), 'theirs');
}

function edited(messageTypes: readonly number[], edit: (packet: Packet) => void, whose: Speaker): Lie {
  return (packet, speaker) => {
    // Done in place: the bytes are the proxy's own.
    if (speaker === whose && messageTypes.includes(packet.messageType)) edit(packet);
    return [wireBytes(packet)];
  };
}

function metadataOf({ view, start, metadataLength, bodyLength }: Packet): DataView {
  return new DataView(view.buffer, view.byteOffset + start + HEADER_BYTES, metadataLength + bodyLength);
}

function isTalk({ messageType }: Packet): boolean {
  const { Pong, SessionOpen, SessionOpenAck } = MessageType;
  return messageType === Pong || messageType === SessionOpen || messageType === SessionOpenAck;
}
