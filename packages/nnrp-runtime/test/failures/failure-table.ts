import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const PAGE = fileURLToPath(new URL('../../../../docs/errors.md', import.meta.url));
const COLUMNS = ['Failure', 'Class', 'Code', 'On the wire', 'Retry', 'Text', 'What to do'];

/** One row of the table of failures in docs/errors.md. */
export interface FailureRow {
  readonly failure: string;
  readonly className: string;
  readonly code: string;
  /** The value in the brackets; 0 where it says none. */
  readonly wireCode: number;
  /** As the page writes it: its name and its value, or none. */
  readonly wire: string;
  readonly isRetryable: boolean;
  readonly retryAfterMs: number;
  /** What the message says behind the code; N stands for a number, HOST:PORT for an address. */
  readonly text: RegExp;
  readonly advice: string;
}

/** @throws Error when there is no such table */
export function failureRows(): FailureRow[] {
  const lines = readFileSync(PAGE, 'utf8').split('\n');
  const head = lines.findIndex((line) => cellsOf(line).join() === COLUMNS.join());
  if (head < 0) throw new Error(`docs/errors.md has no table with the columns ${COLUMNS.join(', ')}`);
  const end = lines.findIndex((line, at) => at > head && !line.startsWith('|'));
  return lines.slice(head + 2, end).map(rowOf);
}

function rowOf(line: string): FailureRow {
  const cells = cellsOf(line);
  if (cells.length !== COLUMNS.length || cells.includes('')) throw new Error(`docs/errors.md: a bad row: ${line}`);
  const [failure, className, code, wire, retry, text, advice] = cells as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  const wireCode = wire === 'none' ? 0 : Number(/\((0x[0-9a-f]+)\)/.exec(wire)?.[1]);
  const retryAfterMs = Number(/after (\d+) ms/.exec(retry)?.[1] ?? 0);
  return {
    failure,
    className,
    code,
    wireCode,
    wire,
    isRetryable: retry.startsWith('yes'),
    retryAfterMs,
    text: patternOf(text.replace(/^`|`$/g, '')),
    advice,
  };
}

function cellsOf(line: string): string[] {
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
}

function patternOf(text: string): RegExp {
  const escaped = text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(
    `^${escaped.replace(/\bN\b/g, '\\d+').replace('HOST:PORT', '(?:unix:\\S+|wss?://\\S+|\\S+:\\d+)').replace('\\.\\.\\.', '.*')}$`,
  );
}
