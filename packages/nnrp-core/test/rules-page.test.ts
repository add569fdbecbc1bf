import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { describeFault, WireError } from '../src/index.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const page = readFileSync(join(ROOT, 'packages', 'nnrp-core', 'docs', 'rules.md'), 'utf8');
/** What looks like the name of a rule and is none. */
const OTHER_NAMES = new Set(['UTF-8', 'UTF-16', 'SHA-256', 'SHA-1', 'AES-128', 'AES-256']);

function files(folder: string, ending: string): string[] {
  const entries = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' });
  return entries
    .filter((name) => name.endsWith(ending) && !name.endsWith('.test.ts'))
    .map((name) => join(folder, name));
}

/** The names of rules in the sources of the packages and in the schemas. */
function namedInSources(): Set<string> {
  const packages = [
    'nnrp-core',
    'nnrp-runtime',
    'nnrp-transport-quic',
    'nnrp-transport-websocket',
    'nnrp-openai',
    'nnrp-cli',
  ];
  const sources = [...packages.flatMap((name) => files(`packages/${name}/src`, '.ts')), ...files('spec', '.ksy')];
  const names = sources.flatMap((file) => readFileSync(join(ROOT, file), 'utf8').match(/\b[A-Z]{2,}-\d+\b/g) ?? []);
  return new Set(names.filter((name) => !OTHER_NAMES.has(name)));
}

describe('docs/rules.md of nnrp-core', () => {
  /** A row begins with the place that errors point to, and the name. */
  const explained = [...page.matchAll(/^\| <a id="([a-z]+-\d+)"><\/a>([A-Z]+-\d+) +\| ([^|]+) \| ([^|]+) \|$/gm)];

  it('has every rule that the sources and the schemas name, once, and no other', () => {
    const named = [...namedInSources()];
    expect(named.length).toBeGreaterThan(60);
    expect(explained.map(([, , name]) => name).sort()).toEqual(named.sort());
  });

  it('has each of them where its error points to, with what breaks it and what to do', () => {
    for (const [, place = '', name = '', brokenWhen = '', toDo = ''] of explained) {
      expect(describeFault({ kind: 'invalid_combination', rule: name })).toBe(
        `rule ${name} is broken, see nnrp-core/docs/rules.md#${place}`,
      );
      expect([brokenWhen.trim().length > 5, toDo.trim().length > 5], name).toEqual([true, true]);
    }
  });

  it('is part of the package that errors name', () => {
    const { name, files } = JSON.parse(readFileSync(join(ROOT, 'packages', 'nnrp-core', 'package.json'), 'utf8'));
    expect([name, files.includes('docs')]).toEqual(['nnrp-core', true]);
  });

  it('is named by the error of a broken rule', () => {
    const error = new WireError({ kind: 'invalid_combination', rule: 'FSUB-1' }, 'FRAME_SUBMIT');
    expect(error.message).toBe(
      '[NNRP_ERR_INVALID_COMBINATION] FRAME_SUBMIT: rule FSUB-1 is broken, see nnrp-core/docs/rules.md#fsub-1',
    );
  });
});
