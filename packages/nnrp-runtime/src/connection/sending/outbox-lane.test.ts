import { describe, expect, it } from 'vitest';
import { cpuMs, expectSameTime } from '../../../test/support/measuring.js';
import type { OutboundPacket } from '../../transport/contract/contract.js';
import { OutboxLane } from './outbox-lane.js';
import { WaitingPacket } from './waiting-packet.js';

function packet(number: number, partial = false): WaitingPacket {
  const body = new Uint8Array([number & 0xff, number >> 8]);
  const outbound: OutboundPacket = { headBytes: 0, writeHead: () => {}, body };
  return new WaitingPacket(outbound, partial);
}

function numberOf(waiting: WaitingPacket | undefined): number | undefined {
  return waiting && (waiting.body[0] as number) + ((waiting.body[1] as number) << 8);
}

/** Numbers that are the same in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

describe('a lane of an outbox', () => {
  it('does what a plain list would do, whatever comes in which order', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = seeded(seed);
      const lane = new OutboxLane();
      const list: { readonly number: number; readonly partial: boolean }[] = [];
      for (let number = 0; number < 5000; number++) {
        const choice = random();
        if (choice < 0.5) {
          const partial = random() < 0.7;
          lane.push(packet(number, partial));
          list.push({ number, partial });
        } else if (choice < 0.7) {
          expect(numberOf(lane.take())).toBe(list.shift()?.number);
        } else {
          const index = list.findIndex(({ partial }) => partial);
          const [dropped] = index < 0 ? [] : list.splice(index, 1);
          expect(numberOf(lane.dropOldestPartial())).toBe(dropped?.number);
        }
      }
      for (const { number } of list) expect(numberOf(lane.take())).toBe(number);
      expect(lane.take()).toBeUndefined();
    }
  });

  it('takes no longer to find what may be left out, and holds no more places, however much waits', () => {
    const timed = (waiting: number) => {
      const lane = new OutboxLane();
      // What may not be left out stands before everything else, as it would with a reader that has stopped.
      for (let number = 0; number < waiting; number++) lane.push(packet(number, number % 2 === 1));
      return () => {
        const started = cpuMs();
        for (let number = 0; number < 4000; number++) {
          lane.push(packet(number, true));
          if (lane.dropOldestPartial() === undefined) throw new Error('nothing to leave out');
        }
        const spent = cpuMs() - started;
        expect(lane.placeCount).toBeLessThan(waiting * 3 + 1000);
        return spent;
      };
    };
    // To look through all of them would take a hundred times as long.
    expectSameTime(timed(1000), timed(100_000), (small) => small * 20 + 5);
  });
});
