import { NnrpError } from 'nnrp-core';
import { afterEach, describe, expect, it } from 'vitest';
import { errorCodeName } from '../../src/client/failures/wire-names.js';
import { ScriptedServer } from '../support/scripted-server.js';
import { Stage } from '../support/stage.js';
import { SCENARIOS } from './failure-scenarios.js';
import { ON_PURPOSE } from './failure-stage.js';
import { failureRows } from './failure-table.js';

/** Produces every row of the table of failures in docs/errors.md over the carrier in use, and compares. */
export function checkFailures(): void {
  const stage = new Stage();
  afterEach(async () => {
    await ScriptedServer.clear();
    await stage.clear();
  });
  const rows = failureRows();

  it('the table of failures and the scenarios are about the same', () => {
    expect(rows.map(({ failure }) => failure).sort()).toEqual(Object.keys(SCENARIOS).sort());
  });

  describe('a failure reaches its caller as the page says', () => {
    it.each(rows.map((row) => [row.failure, row] as const))('%s', async (failure, row) => {
      const error = (await SCENARIOS[failure]?.(stage)) as NnrpError;
      expect(error).toBeInstanceOf(NnrpError);
      const { name, code, wireCode, isRetryable, retryAfterMs, details } = error;
      const { className, text, wire, advice: _advice, failure: _failure, ...flags } = row;
      expect(wire).toBe(wireCode === 0 ? 'none' : errorCodeName(wireCode));
      expect({ name, code, wireCode, isRetryable, retryAfterMs }).toEqual({ name: className, ...flags });
      const isOnPurpose = code === ON_PURPOSE.code;
      expect(error.rawMessage).toMatch(text);
      expect(error.message).toBe(`[${code}] ${error.rawMessage}`);
      // Every code on the wire has its name beside it.
      expect(error.message).not.toMatch(/(?<!\(|error )0x[0-9a-f]+/);
      if (isOnPurpose) expect(error.rawMessage).toBe(ON_PURPOSE.message);
      expect(details).toEqual(isOnPurpose ? ON_PURPOSE.details : undefined);
    });
  });
}
