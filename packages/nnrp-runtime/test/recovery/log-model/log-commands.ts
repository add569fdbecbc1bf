import fc from 'fast-check';

/** What is done to a session, its peer, its server and the network in between. Where it cannot be done, nothing happens. */
export type LogCommand =
  | { readonly do: 'submit' | 'patch' | 'fence' | 'expire' | 'half window' | 'client close' | 'server close' }
  | { readonly do: 'cancel' | 'push' | 'complete' | 'drop'; readonly pick: number }
  | { readonly do: 'pass' | 'deliver'; readonly count: number }
  /** So many packets still get through in each direction; half: and half of the next one to the server. */
  | { readonly do: 'cut'; readonly pass: number; readonly deliver: number; readonly half: boolean }
  | { readonly do: 'resume'; readonly token: TokenChoice; readonly position: PositionChoice }
  /** Two connections ask at once with the same token. */
  | { readonly do: 'resume twice' };

export type TokenChoice = 'held' | 'newest' | 'old' | 'wrong' | 'cut off';
export type PositionChoice = 'right' | 'too high' | 'too low';

const pick = fc.nat(7);
const few = fc.nat(5);

const COMMANDS: readonly (readonly [number, fc.Arbitrary<LogCommand>])[] = [
  [10, fc.constant({ do: 'submit' } as const)],
  [3, fc.constant({ do: 'patch' } as const)],
  [14, fc.record({ do: fc.constant('push' as const), pick })],
  [5, fc.record({ do: fc.constant('complete' as const), pick })],
  [2, fc.record({ do: fc.constant('drop' as const), pick })],
  [4, fc.record({ do: fc.constant('cancel' as const), pick })],
  [12, fc.record({ do: fc.constant('pass' as const), count: few })],
  [12, fc.record({ do: fc.constant('deliver' as const), count: few })],
  [5, fc.constant({ do: 'fence' } as const)],
  [12, fc.record({ do: fc.constant('cut' as const), pass: few, deliver: few, half: fc.boolean() })],
  [
    18,
    fc.record({
      do: fc.constant('resume' as const),
      token: fc.oneof(
        { weight: 8, arbitrary: fc.constant('held' as const) },
        fc.constantFrom<TokenChoice>('newest', 'old', 'wrong', 'cut off'),
      ),
      position: fc.oneof(
        { weight: 8, arbitrary: fc.constant('right' as const) },
        fc.constantFrom<PositionChoice>('too high', 'too low'),
      ),
    }),
  ],
  [3, fc.constant({ do: 'resume twice' } as const)],
  [1, fc.constant({ do: 'expire' } as const)],
  [2, fc.constant({ do: 'half window' } as const)],
  [1, fc.constant({ do: 'client close' } as const)],
  [1, fc.constant({ do: 'server close' } as const)],
];

export const logCommands: fc.Arbitrary<LogCommand[]> = fc.array(
  fc.oneof(...COMMANDS.map(([weight, arbitrary]) => ({ weight, arbitrary }))),
  { minLength: 5, maxLength: 60, size: 'max' },
);
