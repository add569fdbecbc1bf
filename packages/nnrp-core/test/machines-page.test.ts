import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { drawMachines } from './machine-diagrams.js';

const file = fileURLToPath(new URL('../../../docs/machines.md', import.meta.url));

/** The page with its diagrams drawn anew, between `<!-- diagram: name -->` and `<!-- end -->`. */
function redraw(page: string): string {
  let redrawn = page;
  for (const [name, drawing] of drawMachines()) {
    const place = new RegExp(`(?<=<!-- diagram: ${name} -->\n)(?:[^]*?\n)??(?=<!-- end -->)`);
    if (!place.test(redrawn)) throw new Error(`docs/machines.md has no place for the diagram '${name}'`);
    redrawn = redrawn.replace(place, () => `${drawing}\n`);
  }
  return redrawn;
}

describe('docs/machines.md', () => {
  it('shows the tables that the machines run on; vitest -u draws it anew', async () => {
    await expect(redraw(readFileSync(file, 'utf8'))).toMatchFileSnapshot(file);
  });
});
