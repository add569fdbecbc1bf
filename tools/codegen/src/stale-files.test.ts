import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { staleFiles } from './stale-files.js';

const PRODUCED = [
  'packages/nnrp-core/src/generated/new/enums.ts',
  'docs/wire-reference-new.md',
  'spec/new/layout.json',
] as const;
const LEFT_OVER = [
  'docs/wire-reference-old.md',
  'packages/nnrp-core/src/generated/new/removed.ts',
  'packages/nnrp-core/src/generated/old/enums.ts',
  'spec/old/layout.json',
] as const;
const OTHERS = [
  'docs/errors.md',
  'spec/README.md',
  'spec/new/nnrp_enums.ksy',
  'spec/new/vectors.json',
  'packages/nnrp-core/src/index.ts',
] as const;

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'nnrp-stale-'));
});
afterEach(() => rmSync(root, { recursive: true }));

const write = (paths: readonly string[]) => {
  for (const path of paths) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), '');
  }
};

describe('stale files', () => {
  it('are those of revisions and schemas that are gone, and no others', () => {
    write([...PRODUCED, ...LEFT_OVER, ...OTHERS]);
    expect(staleFiles(root, new Set(PRODUCED))).toEqual(LEFT_OVER);
  });

  it('are none where everything is produced or nothing is there', () => {
    expect(staleFiles(root, new Set())).toEqual([]);
    write([...PRODUCED, ...OTHERS]);
    expect(staleFiles(root, new Set(PRODUCED))).toEqual([]);
  });
});
