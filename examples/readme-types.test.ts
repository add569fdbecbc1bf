import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { expect, it } from 'vitest';
import { requireFreshBuilds } from '../tools/fresh-build.mjs';

/*
 * The js and ts blocks of every README and of docs/errors.md, compiled as strict TypeScript against the built packages.
 * Only the types of parameters may be missing, because JavaScript cannot have them.
 */

requireFreshBuilds('packages/nnrp-core', 'packages/nnrp-runtime', 'packages/nnrp-transport-quic', 'packages/nnrp-cli');

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
const SERVER = "declare const server: import('nnrp-runtime').NnrpServer;";
/** Where the blocks of a README stand, and what goes before those that are no whole programs. */
const READMES = [
  ['README.md', 'examples', ''],
  ['docs/errors.md', 'examples', ''],
  ['packages/nnrp-core/README.md', 'packages/nnrp-core', 'declare const chunk: Uint8Array;'],
  ['packages/nnrp-runtime/README.md', 'packages/nnrp-runtime', ''],
  ['packages/nnrp-transport-quic/README.md', 'packages/nnrp-transport-quic', ''],
  [
    'packages/nnrp-cli/README.md',
    'packages/nnrp-cli',
    `import { drainPatiently, loadTokensHandler } from 'nnrp-cli'; ${SERVER}`,
  ],
] as const;

const OPTIONS: ts.CompilerOptions = {
  noEmit: true,
  strict: true,
  noImplicitAny: false,
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  skipLibCheck: true,
  typeRoots: [join(ROOT, 'node_modules', '@types')],
  types: ['node'],
};

/** The blocks by the path of a file that is not there: `examples/README-1.mts` is the first block of the README. */
function blocks(): Map<string, string> {
  const sources = new Map<string, string>();
  for (const [readme, folder, before] of READMES) {
    const found = [...readFileSync(join(ROOT, readme), 'utf8').matchAll(/```(?:js|ts)\n(.*?)```/gs)];
    for (const [index, [, code = '']] of found.entries()) {
      sources.set(
        ts.sys.resolvePath(join(ROOT, folder, `${basename(readme, '.md')}-${index + 1}.mts`)),
        `${before}\n${code}`,
      );
    }
  }
  return sources;
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

it('compiles every block of every README as strict TypeScript', () => {
  const sources = blocks();
  expect(sources.size).toBe(16);
  expect(complaints(sources)).toEqual([]);
});

it('would find a call that does not exist, and a value that may be undefined', () => {
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
