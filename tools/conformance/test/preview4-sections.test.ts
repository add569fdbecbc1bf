import { describe, expect, it } from 'vitest';
import { casesOf, runVectors } from '../src/preview4/run-vectors.js';
import { readPreview4Vectors } from '../src/preview4/vector-file.js';

/* The sections of the vector file that are no byte strings; those are run by preview4-vectors.test.ts. */

const vectors = readPreview4Vectors();
const cases = casesOf(vectors);

describe.each(cases)('$section $name', ({ isOurs, expected, run }) => {
  it.runIf(isOurs)('comes out as the file says', async () => {
    expect(await run()).toStrictEqual(expected);
  });
});

describe('the sections', () => {
  it('are run whole', () => {
    expect(cases.length).toBe(Object.values(sizes()).reduce((sum, size) => sum + size, 0));
    expect(sizes()).toEqual({
      builders: 19,
      scripts: 65,
      session_open_decisions: 26,
      selection: 18,
      endpoints: 18,
    });
  });

  it('report a vector that does not hold, and one of an earlier release', async () => {
    const [builder] = vectors.builders;
    const [script] = vectors.scripts;
    const [open] = vectors.session_open_decisions;
    if (builder === undefined || script === undefined || open === undefined) throw new Error('no vectors');
    const results = await runVectors({
      builders: [{ ...builder, body_hex: '00' }],
      scripts: [{ ...script, results: [] }],
      session_open_decisions: [
        { ...open, ack_fields: { ...open.ack_fields, session_id: 41 } },
        { ...open, until: '4.22' },
      ],
      selection: [],
      endpoints: [],
    });
    expect(results.map(({ outcome }) => outcome)).toEqual(['fail', 'fail', 'fail', 'other_release']);
    expect(results[2]?.message).toContain('"session_id":42');
  });
});

function sizes(): Record<string, number> {
  const { builders, scripts, session_open_decisions, selection, endpoints } = vectors;
  return {
    builders: builders.length,
    scripts: scripts.length,
    session_open_decisions: session_open_decisions.length,
    selection: selection.length,
    endpoints: endpoints.length,
  };
}
