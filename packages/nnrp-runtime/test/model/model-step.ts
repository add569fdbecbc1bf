import type fc from 'fast-check';
import type { ModelState } from './model-state.js';
import type { ModelWorld } from './model-world.js';

export type ModelCommand = fc.AsyncCommand<ModelState, ModelWorld>;

/** A step: changes the model, does the same to the world, and sees whether they agree. */
export class Step implements ModelCommand {
  constructor(
    private readonly text: string,
    private readonly ready: (state: ModelState) => boolean,
    private readonly act: (state: ModelState, world: ModelWorld) => Promise<void>,
  ) {}

  check(state: Readonly<ModelState>): boolean {
    return this.ready(state as ModelState);
  }

  async run(state: ModelState, world: ModelWorld): Promise<void> {
    await this.act(state, world);
    await world.check(state.sessionCount, state.connectionCount);
  }

  toString(): string {
    return this.text;
  }
}

export function pick<T>(items: readonly T[], index: number): T {
  return items[index % items.length] as T;
}
