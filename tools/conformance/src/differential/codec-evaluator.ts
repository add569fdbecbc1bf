import type { WireRule } from 'nnrp-core';
import ts from 'typescript';
import { type CodecUnderTest, meaningsOf } from './codec-under-test.js';
import type { Schema } from './schema.js';

/** A generated module, evaluated: the codec and the constants beside it. */
export interface EvaluatedCodec extends CodecUnderTest, CodecConstants {}

/**
 * Evaluates the TypeScript of one generated structure in memory.
 *
 * @param support - what the module imports from bytes/codec.js and bytes/tables.js
 * @throws whatever the module throws on load, and an error for code that does not parse
 */
export function evaluateCodec(schema: Schema, source: string, support: object): EvaluatedCodec {
  const { outputText, diagnostics } = ts.transpileModule(source, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.CommonJS },
    reportDiagnostics: true,
  });
  if (diagnostics !== undefined && diagnostics.length > 0) throw new Error(`${schema.id}: the code does not parse`);
  const exports: Record<string, unknown> = {};
  const require = (path: string): object => {
    if (path === '../../bytes/codec.js' || path === '../../bytes/tables.js') return support;
    throw new Error(`${schema.id}: unexpected import of ${path}`);
  };
  new Function('exports', 'require', outputText)(exports, require);
  const name = schema.id.replace(/(^|_)([a-z0-9])/g, (_, __, letter: string) => letter.toUpperCase());
  const prefix = schema.id.toUpperCase();
  return {
    check: exports[`check${name}`],
    decode: exports[`decode${name}`],
    encode: exports[`encode${name}`],
    View: exports[`${name}View`],
    bytes: exports[`${prefix}_BYTES`],
    offsets: exports[`${prefix}_OFFSETS`],
    rules: exports[`${prefix}_RULES`],
  } as EvaluatedCodec;
}

/** The constants beside a codec. */
export interface CodecConstants {
  readonly bytes: number;
  readonly offsets: Readonly<Record<string, number>>;
  readonly rules: readonly WireRule[];
}

/** Length, offsets and rule table of a structure against its schema; undefined when they agree. */
export function compareConstants(schema: Schema, { bytes, offsets, rules }: CodecConstants): string | undefined {
  const [length] = rules;
  const declared = length?.kind === 'source_too_short' ? length.bytes : undefined;
  if (bytes !== schema.bytes || declared !== bytes) {
    return `the lengths are ${bytes} and ${declared}, the schema has ${schema.bytes}`;
  }
  const sized = schema.fields.filter((field) => field.bytes > 0);
  if (Object.keys(offsets).length !== sized.length) return `offsets of ${Object.keys(offsets).join(', ')}`;
  const wrong = sized.find(({ property, offset }) => offsets[property] !== offset);
  if (wrong !== undefined) return `the offset of ${wrong.id} is ${offsets[wrong.property]}, not ${wrong.offset}`;
  const meanings = meaningsOf(schema, rules);
  const misplaced = rules.slice(1).find((rule, index) => {
    const field = schema.fields[meanings[index]?.fields[0] ?? -1];
    return 'offset' in rule && (rule.offset !== field?.offset || ('size' in rule && rule.size !== field.bytes));
  });
  return misplaced && `the place of a rule is wrong: ${JSON.stringify(misplaced)}`;
}
