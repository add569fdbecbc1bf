import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const page = readFileSync(join(ROOT, 'docs', 'protocol.md'), 'utf8');
/** Numbers of sections: of headings, and of the entries of a list below one. */
const sections = new Set([...page.matchAll(/^(?:## |- \*\*)(\d+(?:\.\d+)?) /gm)].map(([, number]) => number));
const rows = new Set([...page.matchAll(/^\| ([AD]-\d+) /gm)].map(([, number]) => number));

function files(folder: string, ending: string): string[] {
  const entries = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' });
  return entries.filter((name) => name.endsWith(ending)).map((name) => join(folder, name));
}

const SOURCES = [
  ...[
    'nnrp-core',
    'nnrp-runtime',
    'nnrp-transport-quic',
    'nnrp-transport-websocket',
    'nnrp-openai',
    'nnrp-cli',
  ].flatMap((name) => [...files(`packages/${name}/src`, '.ts'), ...files(`packages/${name}/test`, '.ts')]),
  ...files('spec', '.ksy'),
  ...files('tools/conformance/src', '.ts'),
];

/** What the sources cite, with the file: `NNRP/1-preview3 sections 7.9 and 8.9`, `docs/protocol.md A-2`. */
function cited(): { sections: [string, string][]; rows: [string, string][] } {
  const found = { sections: [] as [string, string][], rows: [] as [string, string][] };
  for (const file of SOURCES) {
    const text = readFileSync(join(ROOT, file), 'utf8');
    for (const [, list = ''] of text.matchAll(
      /(?:NNRP\/1-preview3 sections?|docs\/protocol\.md|\(section) ((?:\d+(?:\.\d+)?(?:, | and | to )?)+)/g,
    )) {
      for (const [number] of list.matchAll(/\d+(?:\.\d+)?/g)) found.sections.push([number, file]);
    }
    for (const [number] of text.matchAll(/\b[AD]-\d+\b/g)) found.rows.push([number, file]);
  }
  return found;
}

describe('docs/protocol.md', () => {
  const citations = cited();

  it('has every section that sources and schemas cite', () => {
    expect(citations.sections.length).toBeGreaterThan(300);
    expect(citations.sections.filter(([number]) => !sections.has(number))).toEqual([]);
  });

  it('has every difference and every open question that they cite', () => {
    expect(citations.rows.length).toBeGreaterThan(10);
    expect(citations.rows.filter(([number]) => !rows.has(number))).toEqual([]);
  });

  it('is the only description that they cite', () => {
    const other = /\b(?:wire|runtime)[.]md\b/;
    expect(SOURCES.filter((file) => other.test(readFileSync(join(ROOT, file), 'utf8')))).toEqual([]);
  });
});
