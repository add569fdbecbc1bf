import * as preview3 from 'nnrp-core/preview3';
import { decodeFrameSubmit, FRAME_SUBMIT_BYTES, MessageType } from 'nnrp-core/preview4';
import { describe, expect, it } from 'vitest';
import type { MetadataCodec } from '../sending/outbound-message.js';
import { OutboundMessage } from '../sending/outbound-message.js';
import { encodeSubmit, submitHead } from './codecs-preview4.js';

function frozen(change: Partial<preview3.FrameSubmit> = {}): preview3.FrameSubmit {
  const metadata = {
    tileIndexMode: 1,
    lossTolerancePolicy: 255,
    latencyBudgetMs: 25,
    payloadKindBitmap: 0x40,
    ...change,
  };
  const names = Object.keys(preview3.FRAME_SUBMIT_OFFSETS).filter((name) => !name.startsWith('reserved'));
  const none = Object.fromEntries(names.map((name) => [name, 0]));
  return Object.freeze({ ...none, ...metadata }) as unknown as preview3.FrameSubmit;
}

/** A submit as it leaves, from memory of the last one where there is any. */
function sent(metadata: preview3.FrameSubmit, frameId: number, low: number, high: number, remembers = true) {
  const codec: MetadataCodec<preview3.FrameSubmit> = {
    bytes: FRAME_SUBMIT_BYTES,
    encode: (value, view, start) => encodeSubmit(value, low, high, view, start),
    ...(remembers && { head: (value) => submitHead(value, low, high) }),
  };
  const memory = new Uint8Array(preview3.COMMON_HEADER_BYTES + FRAME_SUBMIT_BYTES).fill(0xee);
  const message = new OutboundMessage();
  message.set(MessageType.FrameSubmit, 7, frameId, codec, metadata, undefined, 5, 6);
  message.writeHead(new DataView(memory.buffer), 0, memory);
  return memory;
}

describe('submits of preview4 with the same metadata', () => {
  it('have each its own id, frame and trace, from the first on', () => {
    const [one, other] = [frozen(), frozen({ budgetPolicy: 3 })];
    const ids = [
      [1, 0],
      [2, 0],
      [0xffff_ffff, 0xffff_ffff],
      [0, 1],
    ] as const;
    let frame = 0;
    for (const metadata of [one, one, one, other, other, other, one]) {
      for (const [low, high] of ids) {
        const bytes = sent(metadata, ++frame, low, high);
        expect(bytes).toEqual(sent(metadata, frame, low, high, false));
        const { operationId } = decodeFrameSubmit(new DataView(bytes.buffer), preview3.COMMON_HEADER_BYTES);
        expect(operationId).toBe((BigInt(high) << 32n) | BigInt(low));
      }
    }
    expect(submitHead(one, 1, 0)).toBeDefined();
  });

  it('are refused as often as they break a rule', () => {
    const wrong = frozen({ lossTolerancePolicy: 9 } as never);
    for (let time = 0; time < 3; time++) expect(() => sent(wrong, 1, 1, 0)).toThrow('loss_tolerance_policy');
  });
});
