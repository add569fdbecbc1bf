import { describe, expect, it } from 'vitest';
import { WorkTurns } from './work-turns.js';

describe('WorkTurns', () => {
  it('lets the event loop turn when the budget is used up, and shares it in order', async () => {
    const turns = new WorkTurns(10);
    const log: string[] = [];
    const work = async (name: string) => {
      for (let piece = 1; piece <= 2; piece++) {
        await turns.turn();
        log.push(`${name}${piece}`);
        turns.spent(10);
      }
    };
    const both = Promise.all([work('a'), work('b')]);
    const loop = async () => {
      for (let turn = 1; turn <= 3; turn++) {
        await new Promise((done) => setImmediate(done));
        log.push('-');
      }
    };
    await Promise.all([both, loop()]);
    expect(log.join(' ')).toMatch(/^a1 (- )?[ab]\d (- )?[ab]\d (- )?[ab]\d/);
    expect(log.filter((entry) => entry !== '-').sort()).toEqual(['a1', 'a2', 'b1', 'b2']);
    // No two pieces in one turn: each used the whole budget.
    expect(log.join('')).not.toMatch(/\d[ab]\d[ab]\d/);
  });

  it('does not wait while there is time left', async () => {
    const turns = new WorkTurns(10);
    let turned = false;
    setImmediate(() => {
      turned = true;
    });
    for (let piece = 0; piece < 9; piece++) {
      await turns.turn();
      turns.spent(1);
    }
    expect(turned).toBe(false);
  });
});
