import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const SOURCES = {
  'nnrp-core': ['packages/nnrp-core/src/index.ts'],
  'nnrp-core/preview3': ['packages/nnrp-core/src/preview3.ts'],
  'nnrp-runtime': ['packages/nnrp-runtime/src/index.ts'],
  'nnrp-runtime/transport': ['packages/nnrp-runtime/src/transport/index.ts'],
  'nnrp-runtime/testing': ['packages/nnrp-runtime/src/testing/index.ts'],
  'nnrp-transport-quic': ['packages/nnrp-transport-quic/src/index.ts'],
  'nnrp-transport-websocket': ['packages/nnrp-transport-websocket/src/index.ts'],
  'nnrp-openai': ['packages/nnrp-openai/src/index.ts'],
};
const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  types: ['node'],
  baseUrl: ROOT,
  paths: SOURCES,
};

/** Tests and what helps them. */
function testFiles(): string[] {
  return ['packages', 'tools', 'examples', 'bench']
    .flatMap((folder) =>
      readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)),
    )
    .filter((name) => /\.ts$/.test(name) && /\/test\/|\.test\.ts$/.test(name) && !/node_modules|\/dist\//.test(name))
    .map((name) => join(ROOT, name));
}

/** Where a program reaches past the access that a class has declared: FILE:LINE member. */
function reaches(program: ts.Program, files: readonly string[]): string[] {
  const checker = program.getTypeChecker();
  const found: string[] = [];
  for (const file of files) {
    const source = program.getSourceFile(file);
    if (source === undefined) throw new Error(`${file} is not in the program`);
    const look = (node: ts.Node): void => {
      for (const name of namesReached(node, checker)) {
        const { line } = source.getLineAndCharacterOfPosition(node.getStart());
        found.push(`${relative(ROOT, file)}:${line + 1} ${name}`);
      }
      ts.forEachChild(node, look);
    };
    look(source);
  }
  return found;
}

function namesReached(node: ts.Node, checker: ts.TypeChecker): string[] {
  // (thing as unknown as { member: string }).member
  if (ts.isAsExpression(node) && ts.isAsExpression(node.expression)) {
    const [type, said] = [checker.getTypeAtLocation(bare(node)), checker.getTypeAtLocation(node)];
    const names = said.getProperties().map(({ name }) => name);
    return names.filter((name) => isHidden(type, name) && !isHidden(said, name));
  }
  // thing['member'], which the compiler lets pass
  if (ts.isElementAccessExpression(node) && ts.isStringLiteral(node.argumentExpression)) {
    return hidden(bare(node.expression), node.argumentExpression.text, checker);
  }
  // (thing as any).member
  if (ts.isPropertyAccessExpression(node) && isAny(checker.getTypeAtLocation(node.expression))) {
    return hidden(bare(node.expression), node.name.text, checker);
  }
  // Reflect.get(thing, 'member')
  if (ts.isCallExpression(node) && /^Reflect\.(get|set)$/.test(node.expression.getText())) {
    const [thing, name] = node.arguments;
    if (thing !== undefined && name !== undefined && ts.isStringLiteral(name))
      return hidden(bare(thing), name.text, checker);
  }
  return [];
}

/** Without parentheses, and as what it was before it was said to be something else. */
function bare(node: ts.Expression): ts.Expression {
  return ts.isAsExpression(node) || ts.isParenthesizedExpression(node) || ts.isNonNullExpression(node)
    ? bare(node.expression)
    : node;
}

function hidden(thing: ts.Expression, name: string, checker: ts.TypeChecker): string[] {
  return isHidden(checker.getTypeAtLocation(thing), name) ? [name] : [];
}

function isAny(type: ts.Type): boolean {
  return (type.flags & ts.TypeFlags.Any) !== 0;
}

function isHidden(type: ts.Type, name: string): boolean {
  return (type.getProperty(name)?.declarations ?? []).some(
    (declaration) =>
      (ts.getCombinedModifierFlags(declaration) & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected)) !== 0,
  );
}

describe('tests', { timeout: 120_000 }, () => {
  it('reach into nothing that a class keeps to itself', () => {
    const files = testFiles();
    expect(files.length).toBeGreaterThan(200);
    expect(reaches(ts.createProgram(files, OPTIONS), files)).toEqual([]);
  });

  it('would be found out, whichever way they take', () => {
    const file = join(ROOT, 'planted.ts');
    const text = [
      'class Box { private inside = 1; protected below = 2; readonly outside = 3; }',
      'const box = new Box();',
      'const cast = (box as unknown as { inside: number }).inside;',
      'const any = (box as any).below;',
      "const index = box['inside'];",
      "Reflect.set(box, 'inside', 2);",
      "const allowed = [(box as unknown as { outside: number }).outside, box['outside'], (box as any).other];",
    ].join('\n');
    const host = ts.createCompilerHost(OPTIONS);
    const { getSourceFile } = host;
    host.getSourceFile = (name, version) =>
      name === file ? ts.createSourceFile(name, text, version) : getSourceFile(name, version);
    const program = ts.createProgram([file], { ...OPTIONS, types: [] }, host);
    expect(reaches(program, [file])).toEqual(
      ['3 inside', '4 below', '5 inside', '6 inside'].map((place) => `planted.ts:${place}`),
    );
  });
});
