import { readFileSync } from 'node:fs';
import * as preview3 from 'nnrp-core/preview3';
import { resultMetadata } from 'nnrp-runtime';
import { packetBytes } from '../../../nnrp-runtime/test/support/wire-packets.js';

const { MessageType } = preview3;

interface Vectors {
  readonly positive: readonly { readonly name: string; readonly hex: string }[];
  readonly session_open_decisions: readonly { readonly name: string; readonly open_hex: string }[];
}

const file = new URL('../../../../spec/preview3/vectors.json', import.meta.url);
const vectors: Vectors = JSON.parse(readFileSync(file, 'utf8'));

function positive(name: string): Buffer {
  const found = vectors.positive.find((vector) => vector.name === name);
  if (found === undefined) throw new Error(`the vectors have no ${name}`);
  return Buffer.from(found.hex, 'hex');
}

function openMetadata(): Buffer {
  const found = vectors.session_open_decisions.find(({ name }) => name === 'open.duplicate');
  if (found === undefined) throw new Error('the vectors have no open.duplicate');
  return Buffer.from(found.open_hex, 'hex');
}

/** Type SESSION_OPEN, 48 bytes of metadata, no body, every id 0. */
const OPEN_HEADER = Buffer.from(`4e4e525001000728${'00'.repeat(4)}30000000${'00'.repeat(24)}`, 'hex');

/** The reference's default client opens session 1. */
export const GOLDEN_OPEN = Buffer.concat([OPEN_HEADER, openMetadata()]);
/** What its server answers to that, with the configuration that is our default, too. */
export const GOLDEN_OPEN_ACK = positive('packet.session_open_ack.opened');
/** The client closes the session after one submit. */
export const GOLDEN_CLOSE = positive('packet.session_close');
export const GOLDEN_CLOSE_ACK = positive('packet.session_close_ack');

const SUBMIT_METADATA = positive('gen.payload_kind.frame_submit.bit1');

/** FRAME_SUBMIT of session 1 with one token chunk. */
export function submitBytes(frameId: number, body: Uint8Array): Uint8Array {
  return packetBytes(MessageType.FrameSubmit, 1, frameId, new Uint8Array(SUBMIT_METADATA), body);
}

/** The last RESULT_PUSH of a frame of session 1. */
export function resultBytes(frameId: number, body: Uint8Array): Uint8Array {
  const metadata = new Uint8Array(preview3.RESULT_PUSH_BYTES);
  preview3.encodeResultPush(resultMetadata(), new DataView(metadata.buffer));
  return packetBytes(MessageType.ResultPush, 1, frameId, metadata, body);
}
