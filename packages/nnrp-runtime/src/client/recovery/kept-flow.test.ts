import { FlowScope, FlowSender } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { BackpressureLevel, MessageType, ScopeKind, UpdateReason } from 'nnrp-core/preview3';
import { describe, expect, it } from 'vitest';
import { KeptFlow } from './kept-flow.js';
import { ownPacket, readable } from './kept-packet.js';

type Fields = Parameters<FlowSender['next']>[0];

const PAUSE: Fields = { updateReason: UpdateReason.Pause };
const RESUME: Fields = { updateReason: UpdateReason.Resume };
const CREDIT: Fields = { credit: 3, updateReason: UpdateReason.Reduce };
const HARD: Fields = { backpressureLevel: BackpressureLevel.Hard, updateReason: UpdateReason.Congestion };
const SOFT: Fields = { backpressureLevel: BackpressureLevel.Soft, updateReason: UpdateReason.Congestion };
const ALL = [PAUSE, RESUME, CREDIT, HARD, SOFT, { drainInFlightOnly: true, updateReason: UpdateReason.Reduce }];

const stateOf = (updates: readonly preview3.FlowUpdate[]) => {
  const scope = new FlowScope();
  for (const update of updates) expect(scope.apply(update, 0)).toBe('applied');
  return [scope.paused, scope.level, scope.credit, scope.drainInFlightOnly, scope.retryAtMs];
};

/** What is sent on the first connection, and what on the next one. */
function said(fields: readonly Fields[]) {
  const kept = new KeptFlow();
  const sender = new FlowSender(ScopeKind.Connection);
  const first = fields.map((each) => sender.next(each));
  for (const update of first) {
    const metadata = new Uint8Array(preview3.FLOW_UPDATE_BYTES);
    preview3.encodeFlowUpdate(update, new DataView(metadata.buffer), 0);
    kept.add(ownPacket(MessageType.FlowUpdate, 0, metadata));
  }
  const next = kept.packets().map((packet) => {
    const { view, metadataStart } = readable(packet);
    return preview3.decodeFlowUpdate(view, metadataStart);
  });
  return { first, next };
}

describe('what was said about a connection', () => {
  it('is said again with as few updates as mean the same, in epochs from 1', () => {
    for (const one of ALL)
      for (const two of ALL)
        for (const three of ALL)
          for (const four of ALL) {
            const { first, next } = said([one, two, three, four]);
            expect(stateOf(next)).toEqual(stateOf(first));
            expect(next.length).toBeLessThanOrEqual(4);
            expect(next.map(({ creditEpoch }) => creditEpoch)).toEqual(next.map((_, at) => at + 1));
          }
  });

  it('does not grow', () => {
    const { next } = said(Array.from({ length: 200 }, (_, at) => ALL[(at * 7) % ALL.length] as Fields));
    expect(next.length).toBeLessThanOrEqual(4);
  });

  it('is nothing where nothing was said', () => {
    expect(new KeptFlow().packets()).toEqual([]);
  });
});
