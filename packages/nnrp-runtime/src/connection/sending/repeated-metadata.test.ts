import { buildPacket, WireError } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { describe, expect, it } from 'vitest';
import { resultMetadata } from '../../server/contract/server-messages.js';
import type { MetadataCodec } from './outbound-message.js';
import { OutboundMessage } from './outbound-message.js';
import { rememberingCodec } from './repeated-metadata.js';

const { MessageType } = preview3;
const BODY = new Uint8Array([1, 2, 3]);

function resultCodec(): MetadataCodec<preview3.ResultPush> {
  return rememberingCodec(
    MessageType.ResultPush,
    preview3.RESULT_PUSH_BYTES,
    preview3.encodeResultPush,
    preview3.RESULT_PUSH_OFFSETS,
  );
}

/** Head as it is written where the memory is given, too. */
function written(codec: MetadataCodec<preview3.ResultPush>, value: preview3.ResultPush, frameId: number): Uint8Array {
  const memory = new Uint8Array(200).fill(0xee);
  const message = new OutboundMessage();
  message.set(MessageType.ResultPush, 7, frameId, codec, value, BODY, 5, 6);
  message.writeHead(new DataView(memory.buffer), 10, memory);
  expect([memory[9], memory[114]]).toEqual([0xee, 0xee]);
  return memory.slice(10, 114);
}

function expected(value: preview3.ResultPush, frameId: number): Uint8Array {
  const metadata = new Uint8Array(preview3.RESULT_PUSH_BYTES);
  preview3.encodeResultPush(value, new DataView(metadata.buffer), 0);
  const header = { messageType: MessageType.ResultPush, sessionId: 7, frameId, traceId: 0x6_0000_0005n };
  return buildPacket(header, metadata, BODY)[0];
}

describe('metadata that is sent again and again', () => {
  it('is written as often as it is sent, with the ids, the trace and the body length of each packet', () => {
    const codec = resultCodec();
    const one = resultMetadata({ statusCode: 3 });
    const other = resultMetadata({ statusCode: 4, resultClass: preview3.ResultClass.Partial });
    const values = [one, one, one, other, one, other, other, other, one, one, one];
    values.forEach((value, index) => {
      expect(written(codec, value, index + 1)).toEqual(expected(value, index + 1));
    });
    expect(codec.head?.(one)).toBeDefined();
  });

  it('is encoded anew each time when it may change', () => {
    const codec = resultCodec();
    const value = { ...resultMetadata() };
    for (const statusCode of [1, 2, 3, 4]) {
      value.statusCode = statusCode;
      expect(written(codec, value, 1)).toEqual(expected(value, 1));
    }
    expect(codec.head?.(value)).toBeUndefined();
  });

  it('is encoded anew each time when a getter says what it is, frozen or not', () => {
    const codec = resultCodec();
    let calls = 0;
    const value = Object.freeze(
      Object.defineProperty({ ...resultMetadata() }, 'statusCode', { get: () => ++calls, enumerable: true }),
    );
    const codes = [1, 2, 3].map(() => new DataView(written(codec, value, 1).buffer).getUint16(40, true));
    expect(codes).toEqual([1, 2, 3]);
  });

  it('is refused each time when it breaks a rule, and what was kept before is not damaged', () => {
    const codec = resultCodec();
    const good = resultMetadata();
    for (let times = 0; times < 3; times++) written(codec, good, 1);
    const bad = Object.freeze({ ...good, resultClass: 9 as preview3.ResultClass });
    for (let times = 0; times < 4; times++) expect(() => written(codec, bad, 1)).toThrow(WireError);
    for (let times = 0; times < 3; times++) expect(written(codec, good, 2)).toEqual(expected(good, 2));
  });
});

describe('resultMetadata', () => {
  it('gives a frozen object, and complete metadata as it is', () => {
    const metadata = resultMetadata({ statusCode: 2 });
    expect([Object.isFrozen(metadata), resultMetadata(metadata) === metadata]).toEqual([true, true]);
  });
});
