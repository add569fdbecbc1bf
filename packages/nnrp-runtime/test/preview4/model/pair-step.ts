import fc from 'fast-check';
import type { PairModel, PairSession } from './pair-model.js';
import type { PairWorld } from './pair-world.js';

export type PairCommand = fc.AsyncCommand<PairModel, PairWorld>;

/** One in so many steps has its connection cut right behind it. */
const CUT_RARITY = 12;

/** Numbers that a step draws what it needs from. */
export interface Draw {
  readonly cuts: boolean;
  readonly session: number;
  readonly which: number;
  readonly number: number;
}

export const DRAW: fc.Arbitrary<Draw> = fc.record({
  cuts: fc.nat(CUT_RARITY).map((drawn) => drawn === CUT_RARITY),
  session: fc.nat(7),
  which: fc.nat(15),
  number: fc.nat(999),
});

export function pick<T>(items: readonly T[], index: number): T {
  return items[index % items.length] as T;
}

/** Does the same to the model and to the world, perhaps cuts the connection, and sees whether they agree. */
class Step implements PairCommand {
  constructor(
    private readonly name: string,
    private readonly draw: Draw,
    private readonly ready: (session: PairSession) => boolean,
    private readonly act: (world: PairWorld, session: PairSession, draw: Draw, model: PairModel) => Promise<unknown>,
  ) {}

  check(model: Readonly<PairModel>): boolean {
    return model.open.some(this.ready);
  }

  async run(model: PairModel, world: PairWorld): Promise<void> {
    const session = pick(model.open.filter(this.ready), this.draw.session);
    await this.act(world, session, this.draw, model);
    if (this.draw.cuts && model.open.length > 0) await world.cut();
    await world.agree(model);
  }

  toString(): string {
    const { session, which, number, cuts } = this.draw;
    return `${this.name}(${session}, ${which}, ${number}${cuts ? ', cut' : ''})`;
  }
}

/** Steps of one kind, for a session that is ready for it. */
export function steps(
  name: string,
  ready: (session: PairSession) => boolean,
  act: (world: PairWorld, session: PairSession, draw: Draw, model: PairModel) => Promise<unknown>,
): fc.Arbitrary<PairCommand> {
  return DRAW.map((draw) => new Step(name, draw, ready, act));
}
