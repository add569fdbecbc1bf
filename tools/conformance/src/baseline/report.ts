import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { VectorResult } from '../preview4/run-vectors.js';
import type { BaselineLevel, BaselineStatus } from './baseline-case.js';
import { CLAIMED_TOKENS } from './baseline-entries.js';

/** What became of one case. */
export interface CaseResult {
  readonly id: string;
  readonly level: BaselineLevel;
  readonly status: BaselineStatus;
  /** The capability tokens that select the case in the public suite. */
  readonly tokens: readonly string[];
  /** `not_claimed`: a token of the case is not claimed; what can be exercised all the same was, and held. */
  readonly outcome: 'pass' | 'fail' | 'not_claimed';
  /** What was really done. */
  readonly exercised: string;
  /** Assertions made. */
  readonly checks: number;
  readonly milliseconds: number;
  /** The assertion that did not hold, with outcome `fail`. */
  readonly failure?: string;
  /** Why the case is not claimed. */
  readonly reason?: string;
}

/** The whole report, as it is written. */
export interface BaselineReport {
  readonly revision: string;
  /** Packages under test and the Node that ran them. */
  readonly implementation: Readonly<Record<string, string>>;
  readonly claimedTokens: readonly string[];
  readonly results: readonly CaseResult[];
}

const require = createRequire(import.meta.url);

export function reportOf(results: readonly CaseResult[]): BaselineReport {
  const version = (name: string) => {
    const file = JSON.parse(readFileSync(require.resolve(`${name}/package.json`), 'utf8')) as { version: string };
    return file.version;
  };
  return {
    revision: 'NNRP/1-preview3',
    implementation: {
      'nnrp-core': version('nnrp-core'),
      'nnrp-runtime': version('nnrp-runtime'),
      node: process.versions.node,
    },
    claimedTokens: CLAIMED_TOKENS,
    results,
  };
}

/** One line of the table. */
export function lineOf({ id, status, outcome, checks, milliseconds, failure, reason }: CaseResult): string {
  const why = failure ?? reason;
  const columns = [
    outcome.padEnd(11),
    status,
    String(checks).padStart(4),
    `${milliseconds.toFixed(1)} ms`.padStart(10),
  ];
  return `${columns.join('  ')}  ${id}${why === undefined ? '' : `\n    ${why}`}`;
}

/** The last line of the table. */
export function summaryOf(results: readonly CaseResult[]): string {
  const count = (outcome: CaseResult['outcome']) => results.filter((result) => result.outcome === outcome).length;
  return `${count('pass')} pass, ${count('fail')} fail, ${count('not_claimed')} not claimed`;
}

/** A line for each section, and below it those vectors that do not hold. */
export function linesOfVectors(results: readonly VectorResult[]): string[] {
  return [...new Set(results.map(({ section }) => section))].flatMap((section) => {
    const own = results.filter((result) => result.section === section);
    const passed = own.filter(({ outcome }) => outcome === 'pass').length;
    const others = own.filter(({ outcome }) => outcome === 'other_release').length;
    const not = others === 0 ? '' : `, ${others} of earlier releases not run`;
    const failed = own.filter(({ outcome }) => outcome === 'fail');
    return [
      `${section}: ${passed} of ${own.length - others} hold${not}`,
      ...failed.map(({ name, message }) => `  fail ${name}\n    ${message}`),
    ];
  });
}
