import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const PACKAGES = fileURLToPath(new URL('../../../', import.meta.url));
/** Compiled as in a browser: no types of Node.js. The packages that they import are taken from their sources. */
const OPTIONS: ts.CompilerOptions = {
  noEmit: true,
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  target: ts.ScriptTarget.ES2022,
  lib: ['lib.es2022.d.ts', 'lib.dom.d.ts'],
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  skipLibCheck: true,
  types: [],
  paths: {
    'nnrp-core': [join(PACKAGES, 'nnrp-core/src/index.ts')],
    'nnrp-core/preview3': [join(PACKAGES, 'nnrp-core/src/preview3.ts')],
    'nnrp-runtime/client': [join(PACKAGES, 'nnrp-runtime/src/client/index.ts')],
  },
};
const ENTRIES = ['nnrp-runtime/src/client/index.ts', 'nnrp-transport-websocket/src/browser/index.ts'];

function program(entry: string): ts.Program {
  return ts.createProgram([entry], OPTIONS);
}

function complaints(of: ts.Program): string[] {
  return ts.getPreEmitDiagnostics(of).map(({ file, messageText }) => {
    const where = file?.fileName.slice(PACKAGES.length) ?? 'options';
    return `${where}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
  });
}

describe('what runs outside of Node.js', { timeout: 120_000 }, () => {
  it.each(ENTRIES)('%s compiles without types of Node.js', (entry) => {
    const compiled = program(join(PACKAGES, entry));
    expect(complaints(compiled)).toEqual([]);
    const sources = compiled.getSourceFiles().filter(({ fileName }) => fileName.startsWith(PACKAGES));
    const own = sources.filter(({ fileName }) => !fileName.includes('/node_modules/'));
    expect(own.length).toBeGreaterThan(100);
    const imported = own.filter(({ fileName }) => /from 'node:|import\('node:/.test(readFileSync(fileName, 'utf8')));
    expect(imported.map(({ fileName }) => fileName.slice(PACKAGES.length))).toEqual([]);
  });

  it('would be refused with a module of Node.js', () => {
    const file = join(PACKAGES, 'nnrp-runtime/src/client/planted.ts');
    const host = ts.createCompilerHost(OPTIONS);
    const { readFile, fileExists, getSourceFile } = host;
    const text = "import { connect } from 'node:net';\nexport const timer: NodeJS.Timeout = connect;\n";
    host.fileExists = (name) => name === file || fileExists(name);
    host.readFile = (name) => (name === file ? text : readFile(name));
    host.getSourceFile = (name, target) =>
      name === file ? ts.createSourceFile(name, text, target) : getSourceFile(name, target);
    expect(dirname(file)).toContain('client');
    const told = complaints(ts.createProgram([file], OPTIONS, host)).join('; ');
    expect(told).toContain("Cannot find module 'node:net'");
    expect(told).toContain("Cannot find namespace 'NodeJS'");
  });
});
