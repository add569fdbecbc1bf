import { fileURLToPath } from 'node:url';
import { emitStruct } from 'nnrp-codegen/emit-struct';
import { readLayeredLayout } from 'nnrp-codegen/generate';
import type { Layout } from 'nnrp-codegen/layout';
import { readLayers } from 'nnrp-codegen/schema-layers';
import { STRUCTS as PREVIEW3_STRUCTS } from 'nnrp-core/preview3/struct-table';
import { STRUCTS as PREVIEW4_STRUCTS } from 'nnrp-core/preview4/struct-table';
import { beforeAll, describe, expect, it } from 'vitest';
import * as codecSupport from '../../../packages/nnrp-core/src/bytes/codec.js';
import * as tableSupport from '../../../packages/nnrp-core/src/bytes/tables.js';
import { compareConstants, evaluateCodec } from '../src/differential/codec-evaluator.js';
import { loadOracle, type OracleParser } from '../src/differential/kaitai-oracle.js';
import { seedOf } from '../src/differential/random.js';
import { readSchemas } from '../src/differential/schema.js';
import { runDifferential } from '../src/differential/struct-differential.js';
import { EMITTED_MUTANTS, plant } from '../src/emitted-mutants.js';
import { LAYOUT_MUTANTS, LayoutDraft } from '../src/layout-mutants.js';
import { PREVIEW4_EMITTED_MUTANTS, PREVIEW4_LAYOUT_MUTANTS } from '../src/preview4-mutants.js';

/*
 * A test that has never failed proves little. Here faults are planted in the generator, between schema and emitter and
 * in what it emits, and the differential comparison has to notice every one of them.
 */

const support = { ...codecSupport, ...tableSupport };
const SEED = 20_260_102;
const INPUTS = 3_000;

const spec = fileURLToPath(new URL('../../../spec', import.meta.url));

const REVISIONS = [
  {
    revision: 'preview3',
    STRUCTS: PREVIEW3_STRUCTS,
    layoutMutants: LAYOUT_MUTANTS,
    emittedMutants: EMITTED_MUTANTS,
  },
  {
    revision: 'preview4',
    STRUCTS: PREVIEW4_STRUCTS,
    layoutMutants: PREVIEW4_LAYOUT_MUTANTS,
    emittedMutants: PREVIEW4_EMITTED_MUTANTS,
  },
];

describe.each(REVISIONS)('the differential comparison of $revision notices faults in the generator', (suite) => {
  const { revision, STRUCTS, layoutMutants, emittedMutants } = suite;
  const layout = readLayeredLayout(readLayers(spec, revision));
  const { yaml, structs } = readSchemas(`${spec}/${revision}`);
  const mutated = [...new Set([...layoutMutants, ...emittedMutants].map(({ struct }) => struct))];
  let oracles: Map<string, OracleParser>;

  beforeAll(async () => {
    oracles = await loadOracle(yaml, mutated);
  });

  function emit(from: Layout, structId: string): string {
    return emitStruct(from, from.structs.find(({ id }) => id === structId)!);
  }

  /** What gives the code away, or undefined when it passes for correct. */
  function findFault(structId: string, source: string): string | undefined {
    const schema = structs.find(({ id }) => id === structId)!;
    try {
      const codec = evaluateCodec(schema, source, support);
      const { rules } = STRUCTS[schema.wireName]!;
      const seed = seedOf(structId, SEED);
      const { mismatch } = runDifferential({
        schema,
        codec,
        oracle: oracles.get(structId)!,
        rules,
        seed,
        inputs: INPUTS,
      });
      return mismatch ?? compareConstants(schema, codec);
    } catch (error) {
      return `the code cannot be used: ${String(error)}`;
    }
  }

  it('finds nothing in the code that is generated', () => {
    for (const struct of mutated) expect(findFault(struct, emit(layout, struct)), struct).toBeUndefined();
  });

  it.each(layoutMutants.map((mutant) => [`${mutant.struct}: ${mutant.name}`, mutant] as const))(
    'layout: %s',
    (name, mutant) => {
      const draft = new LayoutDraft(layout, mutant.struct);
      mutant.apply(draft);
      const source = emit(draft.layout as Layout, mutant.struct);
      expect(source, 'a mutant changes the code').not.toBe(emit(layout, mutant.struct));
      expect(findFault(mutant.struct, source), `survivor: ${name}`).toBeDefined();
    },
  );

  it.each(emittedMutants.map((mutant) => [`${mutant.struct} ${mutant.part}: ${mutant.name}`, mutant] as const))(
    'emitted code: %s',
    (name, mutant) => {
      const source = plant(mutant, emit(layout, mutant.struct));
      expect(findFault(mutant.struct, source), `survivor: ${name}`).toBeDefined();
    },
  );
});
