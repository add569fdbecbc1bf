import { describe, expect, it } from 'vitest';
import { SessionTable } from './session-table.js';

/** A table in which the first ids have been used and are free again. */
function usedTable(...ids: number[]): SessionTable<string> {
  const table = new SessionTable<string>();
  for (const id of ids) {
    expect(table.free()).toBe(id);
    table.set(id, 'first');
  }
  for (const id of ids) table.release(id, 'first');
  return table;
}

describe('the ids of sessions', () => {
  it('are given out lowest first, and again when free', () => {
    expect(usedTable(1, 2, 3).free()).toBe(1);
  });

  it.each([
    ['for the first time', usedTable],
    ['again', () => usedTable(1, 2, 3)],
  ])('are kept from others while reserved, when used %s', (_, tableOf) => {
    const table = tableOf();
    expect(table.free()).toBe(1);
    table.set(1, 'second');
    table.reserve(1);
    table.release(1, 'second');
    expect(table.free()).toBe(2);
    table.freeReserved(1);
    expect(table.free()).toBe(1);
  });

  it('are not freed by the end of an earlier session of the same id', () => {
    const table = usedTable(1);
    table.set(1, 'second');
    table.release(1, 'first');
    expect(table.free()).toBe(2);
  });

  it('above one are the next, also behind a range that is taken, and none behind the last', () => {
    const table = usedTable(1, 2, 3);
    expect(table.freeAbove(7)).toBe(8);
    for (let id = 8; id < 5000; id++) table.set(id, 'of others');
    table.reserve(5000);
    const found = table.freeAbove(7);
    expect(found).toBeGreaterThan(5000);
    expect(table.freeAbove(0xffffffff)).toBe(0);
    table.set(0xffffffff, 'of others');
    expect(table.freeAbove(0xfffffffe)).toBe(0);
  });
});
