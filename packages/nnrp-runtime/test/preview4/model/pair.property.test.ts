import { expect, it, vi } from 'vitest';
import { ObjectTable } from '../../../src/connection/controls/object-table.js';
import { OperationsOfPreview4 } from '../../../src/server/operation/preview4/session-operations.js';
import { ipcGround, type PairGround, tcpGround, tlsGround } from './pair-ground.js';
import { inWorld, runsWanted, timeoutOf, walk, walkOver } from './pair-walk.js';

const OVER_TCP = runsWanted(60);
const OVER_OTHERS = runsWanted(15);

it.each<[string, () => PairGround | Promise<PairGround>, number]>([
  ['TCP', () => tcpGround, OVER_TCP],
  ['TLS', tlsGround, OVER_OTHERS],
  ['Unix domain sockets', () => ipcGround, OVER_OTHERS],
])(
  'client and server over %s are what the model says, whatever either of them does',
  {
    timeout: timeoutOf(OVER_TCP),
  },
  async (_name, ground, runs) => {
    await walkOver(await ground(), runs);
  },
);

it.each<[string, () => { mockRestore(): void }, RegExp]>([
  [
    'references that are not counted',
    () => vi.spyOn(ObjectTable.prototype, 'referred').mockReturnValue(undefined),
    /objects of the/,
  ],
  [
    'a SUPERSEDE that ends nothing',
    () => vi.spyOn(OperationsOfPreview4.prototype, 'supersede').mockReturnValue(undefined),
    /has ended as undefined|in flight/,
  ],
])('finds %s', { timeout: 60_000 }, async (_name, plant, fault) => {
  const spy = plant();
  try {
    const found = await inWorld(tcpGround, (world) => walk(world, 100, 1), 150).catch((error: Error) => error);
    expect(String((found as Error).cause)).toMatch(fault);
    // Made small: a session, and what it takes to see the fault.
    expect(String(found)).toMatch(/Counterexample: \[open,[a-z]+\([^)]*\),[a-z]+\([^)]*\) /);
  } finally {
    spy.mockRestore();
  }
});
