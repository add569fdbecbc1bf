import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const PACKAGES = fileURLToPath(new URL('../../../', import.meta.url));

/**
 * `instanceof` knows the classes of one realm and of one copy of a package. Values come from others too: from vm contexts
 * and test environments, and from a second copy of these packages in the tree. Only what loses nothing by that may use it.
 */
const ALLOWED: Readonly<Record<string, string>> = {
  'nnrp-runtime/src/connection/body/body-bytes.ts: body instanceof Uint8Array':
    'the common case of the hot path, at once; bytes of other realms are taken by the next lines',
};

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sources(path);
    return entry.name.endsWith('.ts') && !entry.name.endsWith('.test.ts') ? [path] : [];
  });
}

function uses(path: string): string[] {
  const file = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true);
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.InstanceOfKeyword) {
      found.push(`${relative(PACKAGES, path)}: ${node.getText(file)}`);
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

describe('the sources', () => {
  it('tell values apart by what they are, not by which realm or copy has made them', () => {
    const files = readdirSync(PACKAGES).flatMap((name) => sources(join(PACKAGES, name, 'src')));
    expect(files.length).toBeGreaterThan(250);
    expect(files.flatMap(uses).sort()).toEqual(Object.keys(ALLOWED).sort());
  });
});
