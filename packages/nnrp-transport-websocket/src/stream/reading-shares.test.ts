import { beforeEach, describe, expect, it } from 'vitest';
import { type ReadInTurn, ReadingShares } from './reading-shares.js';

const KIB = 1024;
const MIB = 1024 * KIB;

describe('shares of reading', () => {
  let ends: (() => void)[];
  let shares: ReadingShares;
  const reader = (): ReadInTurn => ({ turn: 0, bytes: 0 });
  const endTurn = () => {
    for (const end of ends.splice(0)) end();
  };

  beforeEach(() => {
    ends = [];
    shares = new ReadingShares((end) => ends.push(end));
  });

  it('stop no connection that reads much alone', () => {
    const alone = reader();
    for (let turn = 0; turn < 3; turn++, endTurn()) {
      for (let read = 0; read < 64 * MIB; read += 64 * KIB) expect(shares.took(alone, 64 * KIB)).toBe(false);
    }
  });

  it('give each of four that read much a quarter, from the turn on in which they are known', () => {
    const four = [reader(), reader(), reader(), reader()];
    for (const one of four) shares.took(one, MIB);
    endTurn();
    for (const one of four) {
      let read = 64 * KIB;
      while (!shares.took(one, 64 * KIB)) read += 64 * KIB;
      expect(read).toBe(512 * KIB);
    }
  });

  it('are taken from nobody by connections that read little', () => {
    const much = reader();
    for (let turn = 0; turn < 3; turn++, endTurn()) {
      for (let others = 0; others < 100; others++) expect(shares.took(reader(), KIB)).toBe(false);
      expect(shares.took(much, 8 * MIB)).toBe(false);
    }
  });

  it('are new in each turn, and whole again when the others have gone', () => {
    const [first, second] = [reader(), reader()];
    shares.took(first, MIB);
    expect(shares.took(second, MIB)).toBe(true);
    endTurn();
    expect(shares.took(first, 512 * KIB)).toBe(false);
    endTurn();
    expect(shares.took(first, 8 * MIB)).toBe(false);
  });

  it('ask for the end of a turn once, and not where all read little', () => {
    shares.took(reader(), KIB);
    expect(ends).toHaveLength(0);
    shares.took(reader(), MIB);
    shares.took(reader(), MIB);
    expect(ends).toHaveLength(1);
  });

  it('of frames without a packet are a thousand for one, few for each of many, and new in each turn', () => {
    for (let turn = 0; turn < 3; turn++, endTurn()) {
      const given = Array.from({ length: 250 }, () => {
        const { idleFrames } = shares;
        shares.tookIdle(idleFrames);
        return idleFrames;
      });
      expect(given.slice(0, 5)).toEqual([1000, 1000, 1000, 1000, 16]);
      expect(given.reduce((sum, frames) => sum + frames)).toBe(4000 + 246 * 16);
      expect(ends).toHaveLength(1);
    }
    expect(shares.idleFrames).toBe(1000);
  });
});
