import { afterEach, describe, expect, it, vi } from 'vitest';
import { cpuMs, expectSameTime } from '../../../test/support/measuring.js';
import { type Stranger, type StrangerLimits, Strangers } from './strangers.js';

afterEach(() => void vi.useRealTimers());

interface Visitor extends Stranger {
  readonly name: string;
  speaks: boolean;
}

function stage(limits: StrangerLimits) {
  const hits: string[] = [];
  const gone: string[] = [];
  const strangers = new Strangers<Visitor>(limits, (bound) => hits.push(bound));
  const come = (name: string, addressGroup?: string, speaks = false): Visitor => {
    const visitor: Visitor = {
      name,
      speaks,
      addressGroup,
      hasSpoken: () => visitor.speaks,
      makeRoom: () => gone.push(name),
    };
    strangers.add(visitor);
    return visitor;
  };
  return { strangers, hits, gone, come };
}

describe('strangers', () => {
  it('go in the order in which they have come, when there are too many', () => {
    const { strangers, hits, gone, come } = stage({ inAll: 3, perAddress: 0 });
    for (const name of 'abcdef') come(name, name);
    expect([gone.join(''), hits, strangers.size]).toEqual(['abc', ['inAll', 'inAll', 'inAll'], 3]);
  });

  it('of an address that has its fill go for others of it only', () => {
    const { strangers, hits, gone, come } = stage({ inAll: 10, perAddress: 2 });
    come('honest', 'h');
    for (const name of 'abcd') come(name, 'x');
    expect([gone.join(''), hits, strangers.size]).toEqual(['ab', ['perAddress', 'perAddress'], 3]);
    expect(strangers.mostOfAnAddress).toBe(2);
  });

  it('that have spoken are kept over those that had a second to, but not for ever', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const { gone, come } = stage({ inAll: 3, perAddress: 0 });
    come('a', '1', true);
    come('b', '2');
    come('c', '3');
    vi.advanceTimersByTime(1500);
    come('d', '4');
    expect(gone.join('')).toBe('b');
    come('e', '5');
    expect(gone.join('')).toBe('bc');
    // d and e have not had their time yet: a peer that sends byte by byte is cut, although it speaks.
    come('f', '6');
    expect(gone.join('')).toBe('bca');
  });

  it('without an address count in all only', () => {
    const { strangers, gone, come } = stage({ inAll: 5, perAddress: 1 });
    for (const name of 'abcdef') come(name);
    expect([gone.join(''), strangers.size, strangers.mostOfAnAddress]).toEqual(['a', 5, 0]);
  });

  it('are not limited by 0', () => {
    const { strangers, come } = stage({ inAll: 0, perAddress: 0 });
    for (let count = 0; count < 5000; count++) come(`${count}`, 'x');
    expect([strangers.size, strangers.mostOfAnAddress]).toEqual([5000, 5000]);
  });

  it('that are none any more are forgotten, with their addresses', () => {
    const { strangers, gone, come } = stage({ inAll: 3, perAddress: 2 });
    const all = ['a', 'b', 'c'].map((name) => come(name, name, name === 'b'));
    for (const visitor of all) strangers.delete(visitor);
    for (const visitor of all) strangers.delete(visitor);
    expect([strangers.size, strangers.mostOfAnAddress, gone]).toEqual([0, 0, []]);
  });

  it('give a place up for others once they have had a second', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const { strangers, gone, come } = stage({ inAll: 0, perAddress: 0 });
    come('a', 'x', true);
    expect(strangers.giveUpOne()).toBe(false);
    vi.advanceTimersByTime(1000);
    expect([strangers.giveUpOne(), strangers.giveUpOne(), gone.join('')]).toEqual([true, false, 'a']);
  });

  /** For how long one that waits lets the one before it, after others have taken so long. */
  function waitAfter(tookMs: readonly number[], speaks: boolean): number {
    const { strangers, come } = stage({ inAll: 0, perAddress: 1 });
    for (const ms of tookMs) {
      const done = come('done');
      vi.advanceTimersByTime(ms);
      strangers.finished(done);
    }
    come('in the way', 'x', speaks);
    for (let waitedMs = 0; ; waitedMs += 100) {
      const may = strangers.mayBegin('x');
      // The one that asks again by itself waits as long.
      expect(strangers.mayCome('x')).toBe(may);
      if (may) return waitedMs;
      vi.advanceTimersByTime(100);
    }
  }

  it('let one that waits begin by what others take, within bounds', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const taken = [[], ...[1, 90, 5000].map((ms) => new Array<number>(100).fill(ms))];
    expect(taken.map((tookMs) => waitAfter(tookMs, true))).toEqual([1000, 500, 700, 4000]);
    expect(taken.map((tookMs) => waitAfter(tookMs, false))).toEqual([1000, 500, 700, 1000]);
  });

  it('let it begin by what most take: a few that are slow on purpose change little', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const fast = new Array<number>(100).fill(1);
    expect(waitAfter([...fast, 3900, 3900, 3900], true)).toBe(800);
    const slow = new Array<number>(100).fill(3900);
    expect(waitAfter([...slow, 1, 1, 1], true)).toBe(2900);
  });

  it('have had no time while nobody read', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const { strangers, come } = stage({ inAll: 1, perAddress: 0 });
    come('in the way', 'x', true);
    vi.advanceTimersByTime(5000);
    strangers.stoodStill(4500);
    expect(strangers.mayBegin('y')).toBe(false);
    vi.advanceTimersByTime(500);
    expect(strangers.mayBegin('y')).toBe(true);
  });

  it('leave room or are the bound that is in the way', () => {
    const { strangers, come } = stage({ inAll: 3, perAddress: 2 });
    expect([strangers.boundOf('x'), strangers.mayBegin('x')]).toEqual([undefined, true]);
    come('a', 'x');
    come('b', 'x');
    expect([strangers.boundOf('x'), strangers.boundOf('y')]).toEqual(['perAddress', undefined]);
    come('c', 'y');
    expect([strangers.boundOf('y'), strangers.boundOf(undefined)]).toEqual(['inAll', 'inAll']);
  });

  it('take the same time to come and go, however many there are', () => {
    const timeOf = (count: number) => () => {
      const { come } = stage({ inAll: count, perAddress: 0 });
      for (let index = 0; index < count; index++) come('x', `${index % 1000}`, index % 2 === 0);
      const beganMs = cpuMs();
      for (let index = 0; index < 20_000; index++) come('y', `${index % 1000}`, index % 2 === 0);
      return cpuMs() - beganMs;
    };
    expectSameTime(timeOf(1000), timeOf(100_000), (few) => Math.max(20, few) * 10);
  });
});
