import type { Role } from './conversation.js';

/** How often each message was sent in each state that the attacked side really was in. */
export class Coverage {
  private readonly counts = new Map<string, number>();
  /** Packets with something wrong in them. */
  mutants = 0;
  /** Packets without. */
  valid = 0;

  count(role: Role, state: string, name: string, isMutant: boolean): void {
    if (!isMutant) {
      this.valid++;
      return;
    }
    this.mutants++;
    const cell = `${role} ${state} ${name}`;
    this.counts.set(cell, (this.counts.get(cell) ?? 0) + 1);
  }

  add(other: { readonly cells: readonly (readonly [string, number])[]; mutants: number; valid: number }): void {
    for (const [cell, count] of other.cells) this.counts.set(cell, (this.counts.get(cell) ?? 0) + count);
    this.mutants += other.mutants;
    this.valid += other.valid;
  }

  get cells(): [string, number][] {
    return [...this.counts];
  }

  mutantsIn(role: Role, state: string, name: string): number {
    return this.counts.get(`${role} ${state} ${name}`) ?? 0;
  }

  /** Cells in which no mutant was sent. */
  empty(role: Role, states: readonly string[], names: readonly string[]): string[] {
    return states.flatMap((state) =>
      names.filter((name) => this.mutantsIn(role, state, name) === 0).map((name) => `${name} in ${state}`),
    );
  }

  /** Messages by states, as text. */
  table(role: Role, states: readonly string[], names: readonly string[]): string {
    const width = Math.max(...states.map((state) => state.length), 8) + 1;
    const lines = [`mutants against the ${role}`.padEnd(22) + states.map((state) => state.padStart(width)).join('')];
    for (const name of names) {
      const cells = states.map((state) => String(this.mutantsIn(role, state, name)).padStart(width));
      lines.push(name.padEnd(22) + cells.join(''));
    }
    return lines.join('\n');
  }
}
