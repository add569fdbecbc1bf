import { basename, join } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { requireFreshBuilds } from '../../tools/fresh-build.mjs';
import { docsPages, ROOT, snippetsOf } from './pages.js';

/*
 * The js and ts blocks of every README and of every page in docs, compiled as strict TypeScript against the built packages.
 * Only the types of parameters may be missing, because JavaScript cannot have them.
 */

requireFreshBuilds(
  'packages/nnrp-core',
  'packages/nnrp-runtime',
  'packages/nnrp-transport-quic',
  'packages/nnrp-transport-websocket',
  'packages/nnrp-openai',
  'packages/nnrp-opentelemetry',
  'packages/nnrp-admin',
  'packages/nnrp-cli',
);

/** What an application has of its own: a logger, exporters, and work. */
const OF_TRACES = [
  "declare const pino: () => import('nnrp-runtime').Logger;",
  "declare const spanProcessors: import('@opentelemetry/sdk-trace-base').SpanProcessor[];",
  "declare const answer: (operation: import('nnrp-runtime').OperationContext) => Promise<string>;",
].join(' ');
const SERVER = "declare const server: import('nnrp-runtime').NnrpServer;";
/** Where the blocks of a README stand, and what goes before those that are no whole programs. */
const READMES = [
  ['README.md', 'examples', ''],
  ['packages/nnrp-core/README.md', 'packages/nnrp-core', 'declare const chunk: Uint8Array;'],
  ['packages/nnrp-runtime/README.md', 'packages/nnrp-runtime', ''],
  ['packages/nnrp-transport-quic/README.md', 'packages/nnrp-transport-quic', ''],
  ['packages/nnrp-transport-websocket/README.md', 'packages/nnrp-transport-websocket', ''],
  ['packages/nnrp-openai/README.md', 'packages/nnrp-openai', ''],
  ['packages/nnrp-admin/README.md', 'packages/nnrp-admin', SERVER],
  ['packages/nnrp-opentelemetry/README.md', 'packages/nnrp-opentelemetry', OF_TRACES],
  [
    'packages/nnrp-cli/README.md',
    'packages/nnrp-cli',
    `import { drainOnClose, loadTokensHandler } from 'nnrp-cli'; ${SERVER}`,
  ],
] as const;

/** What a block of docs may use without making it: what `getting-started.md` has made. */
const GIVEN = `
import type { NnrpClient, NnrpClientSession, NnrpServer } from 'nnrp-runtime';
declare global {
  const server: NnrpServer;
  const client: NnrpClient;
  const session: NnrpClientSession;
}`;

const OPTIONS: ts.CompilerOptions = {
  noEmit: true,
  strict: true,
  noImplicitAny: false,
  exactOptionalPropertyTypes: true,
  target: ts.ScriptTarget.ES2022,
  lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts', 'lib.dom.d.ts', 'lib.dom.asynciterable.d.ts'],
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  skipLibCheck: true,
  typeRoots: [join(ROOT, 'node_modules', '@types')],
  types: ['node'],
};

/** The blocks by the path of a file that is not there: `examples/README-1.mts` is the first block of the README. */
function blocksOf(page: string, folder: string, before: string, after = ''): [string, string][] {
  return snippetsOf(page).map(({ number, code }) => [
    ts.sys.resolvePath(join(ROOT, folder, `${basename(page, '.md')}-${number}.mts`)),
    `${before}\n${code}${after}`,
  ]);
}

/** What the compiler says, one line each. */
function complaints(sources: ReadonlyMap<string, string>): string[] {
  const host = ts.createCompilerHost(OPTIONS);
  const onDisk = { fileExists: host.fileExists, readFile: host.readFile };
  host.fileExists = (file) => sources.has(file) || onDisk.fileExists(file);
  host.readFile = (file) => sources.get(file) ?? onDisk.readFile(file);
  const program = ts.createProgram([...sources.keys()], OPTIONS, host);
  return ts.getPreEmitDiagnostics(program).map((diagnostic) => {
    const text = ts.flattenDiagnosticMessageText(diagnostic.messageText, ' ');
    const { file, start = 0 } = diagnostic;
    // One line of each source stands before the block.
    const line = file === undefined ? 0 : file.getLineAndCharacterOfPosition(start).line;
    return `${file?.fileName.slice(ROOT.length + 1) ?? 'options'}, line ${line}: ${text}`;
  });
}

describe('every block', { timeout: 120_000 }, () => {
  it('of every README compiles as strict TypeScript', () => {
    const found = READMES.map(([page, folder, before]) => blocksOf(page, folder, before));
    expect(found.map((blocks) => blocks.length)).toEqual([3, 3, 2, 3, 3, 2, 1, 1, 1]);
    expect(complaints(new Map(found.flat()))).toEqual([]);
  });

  it('of docs compiles as strict TypeScript', () => {
    const given: [string, string] = [ts.sys.resolvePath(join(ROOT, 'examples', 'given.mts')), GIVEN];
    const sources = new Map([given, ...docsPages().flatMap((page) => blocksOf(page, 'examples', '', '\nexport {};'))]);
    expect(sources.size).toBeGreaterThan(30);
    expect(complaints(sources)).toEqual([]);
  });

  it('would be refused with a call that does not exist, or a value that may be undefined', () => {
    const file = ts.sys.resolvePath(join(ROOT, 'examples', 'README-0.mts'));
    const code = `
import { NnrpServer, type SessionOpenContext } from 'nnrp-runtime';
NnrpServer.bindCarrierPigeon();
const subject = (context: SessionOpenContext) => context.peerIdentity.subject;
console.log(subject);`;
    expect(complaints(new Map([[file, code]]))).toEqual([
      expect.stringContaining("README-0.mts, line 2: Property 'bindCarrierPigeon' does not exist"),
      expect.stringContaining("README-0.mts, line 3: 'context.peerIdentity' is possibly 'undefined'"),
    ]);
  });
});
