import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { docsPages, ROOT, readPage } from './pages.js';

const PAGES = [
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  'bench/README.md',
  'spec/README.md',
  'tools/conformance/README.md',
  'packages/nnrp-core/README.md',
  'packages/nnrp-runtime/README.md',
  'packages/nnrp-transport-quic/README.md',
  'packages/nnrp-transport-quic/SECURITY.md',
  'packages/nnrp-transport-websocket/README.md',
  'packages/nnrp-transport-websocket/SECURITY.md',
  'packages/nnrp-openai/README.md',
  'packages/nnrp-cli/README.md',
  ...docsPages(),
];

/** Places of a page that a link may name: its headings as GitHub names them, and its anchors. */
function placesOf(page: string): Set<string> {
  const text = withoutBlocks(readPage(page));
  const headings = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .replaceAll(/[`*]|\[|\]\([^)]*\)/g, '')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-'),
  );
  const anchors = [...text.matchAll(/<a id="([^"]+)">/g)].map(([, id = '']) => id);
  return new Set([...headings, ...anchors]);
}

function withoutBlocks(text: string): string {
  return text.replaceAll(/```.*?```/gs, '');
}

/** Links of a page to files of the repository, with what is wrong with them; undefined when nothing is. */
function brokenLinks(page: string): string[] {
  const text = withoutBlocks(readPage(page));
  const broken: string[] = [];
  for (const [, target = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(target)) continue;
    const [path = '', place] = target.split('#');
    const file = path === '' ? page : normalize(join(dirname(page), path));
    if (!existsSync(join(ROOT, file))) broken.push(`${target}: there is no such file`);
    else if (place !== undefined && file.endsWith('.md') && !placesOf(file).has(place)) {
      broken.push(`${target}: there is no such heading`);
    }
  }
  return broken;
}

describe('links', () => {
  it.each(PAGES)('of %s lead somewhere', (page) => expect(brokenLinks(page)).toEqual([]));

  it('reach every page of docs from its index', () => {
    const index = readPage('docs/README.md');
    const unlisted = docsPages().filter((page) => page !== 'docs/README.md' && !index.includes(`](${page.slice(5)}`));
    expect(unlisted).toEqual([]);
  });
});
