import { printable } from 'nnrp-core';

/** What `/status` says, as far as it is shown. */
export interface ServerStatus {
  readonly state: string;
  readonly addresses: readonly string[];
  readonly sessions: number;
  readonly suspended: number;
  readonly connections: number;
  readonly counters: Readonly<Record<string, number>> & { readonly drops: Readonly<Record<string, number>> };
}

/** What `/sessions` says. */
export interface SessionList {
  readonly total: number;
  readonly rows: readonly Readonly<Record<string, unknown>>[];
}

const MOST_CELL_BYTES = 40;
const COLUMNS = [
  ['SESSION', 'sessionId'],
  ['ADDRESS', 'remoteAddress'],
  ['TRANSPORT', 'transport'],
  ['STATE', 'state'],
  ['AGE', 'ageMs'],
  ['RTT', 'roundTripMs'],
  ['FLIGHT', 'inFlight'],
  ['CREDIT', 'operationCredit'],
  ['QUEUED', 'queuedSubmits'],
  ['HELD', 'heldResults'],
  ['OUTBOX', 'outboxBytes'],
  ['OPS', 'operations'],
  ['DROPS', 'drops'],
] as const;

/** Facts of a server, a line each. @throws Error when the answer is none of an operators' port */
export function statusLines(status: ServerStatus): string[] {
  const { state, addresses, sessions, suspended, connections, counters } = status;
  if (!Array.isArray(addresses) || typeof counters?.drops !== 'object')
    throw new Error("the answer is none of an operators' port of nnrp");
  const { operations, completedOperations, receivedBytes, sentBytes } = counters;
  const drops = Object.entries(counters.drops).map(([reason, count]) => `${reason} ${count}`);
  return [
    `${state} on ${addresses.join(', ')}`,
    `sessions ${sessions}, suspended ${suspended}, connections ${connections}`,
    `operations ${operations}, completed ${completedOperations}, dropped ${drops.length === 0 ? 0 : drops.join(', ')}`,
    `bytes received ${receivedBytes}, sent ${sentBytes}`,
  ];
}

/** A table of sessions in columns. */
export function sessionLines({ total, rows }: SessionList): string[] {
  if (!Array.isArray(rows)) throw new Error("the answer is none of an operators' port of nnrp");
  const cells = rows.map((row) => COLUMNS.map(([, name]) => cell(name, row)));
  const table = [COLUMNS.map(([head]) => head as string), ...cells];
  const widths = COLUMNS.map((_, at) => Math.max(...table.map((line) => line[at]?.length ?? 0)));
  const lines = table.map((line) =>
    line
      .map((text, at) => text.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return rows.length < total ? [...lines, `${rows.length} of ${total} sessions`] : lines;
}

/** A terminal, as far as it says how large it is. */
export interface Screen {
  readonly columns?: number;
  readonly rows?: number;
}

/** Lines that a screen shows whole: none is broken in two, and the first ones are not pushed out at its top. */
export function fitted(lines: readonly string[], { columns = 0, rows = 0 }: Screen): string[] {
  // Where a line ends with the screen some terminals go on; and the last line of the screen is for the cursor.
  const shown = rows > 1 ? lines.slice(0, rows - 1) : [...lines];
  return columns > 1 ? shown.map((line) => line.slice(0, columns - 1)) : shown;
}

function cell(name: string, row: Readonly<Record<string, unknown>>): string {
  const value = row[name];
  if (name === 'state' && row['isSuspended'] === true) return 'suspended';
  if (name === 'operationCredit' && Number(row['backpressureLevel'] ?? 0) > 0) return `${Number(value)} held back`;
  if (name === 'heldResults' && row['resultsPaused'] === true) return `${Number(value)} paused`;
  if (value === undefined || value === null) return '-';
  if (name === 'ageMs') return `${Math.round(Number(value) / 1000)}s`;
  if (name === 'roundTripMs') return `${Number(value).toFixed(1)}ms`;
  return printable(String(value), MOST_CELL_BYTES);
}
