import { describe, expect, it } from 'vitest';
import { collectBodiesSoon } from './short-lived-memory.js';

function flagsOf(release: string, given: readonly string[] = []): string[] {
  const flags: string[] = [];
  collectBodiesSoon(release, given, (flag) => flags.push(flag));
  return flags;
}

describe('the limit of memory that is collected soon', () => {
  it.each(['24.0.0', '24.21.0'])('is set on Node %s, which waits for the whole heap otherwise', (release) => {
    expect(flagsOf(release)).toEqual(['--scavenger-max-new-space-capacity-mb=8']);
  });

  it.each(['20.19.0', '22.23.0', '25.1.0', '26.10.0', '2.4.0'])('is left on Node %s', (release) => {
    expect(flagsOf(release)).toEqual([]);
  });

  it.each([['--scavenger-max-new-space-capacity-mb=16'], ['--scavenger_max_new_space_capacity_mb=32']])(
    'is left where it is given, as by %s',
    (given) => {
      expect(flagsOf('24.21.0', ['--no-warnings', given])).toEqual([]);
    },
  );
});
