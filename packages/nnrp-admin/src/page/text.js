const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];
/** By the digits behind the point. Made once: `toLocaleString` makes one for each number. */
const FORMATS = [0, 1, 2].map((digits) => new Intl.NumberFormat('en', { maximumFractionDigits: digits }));

export function bytes(value) {
  const at = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, value)) / 3)));
  return `${short(value / 1000 ** at)} ${UNITS[at]}`;
}

export function short(value) {
  return FORMATS[value < 10 ? 2 : value < 100 ? 1 : 0].format(value);
}

export function duration(ms) {
  if (ms === undefined || ms === null) return '–';
  if (ms < 1000) return `${short(ms)} ms`;
  if (ms < 60_000) return `${short(ms / 1000)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min ${Math.floor((ms % 60_000) / 1000)} s`;
  return `${Math.floor(ms / 3_600_000)} h ${Math.floor((ms % 3_600_000) / 60_000)} min`;
}

export function clock(atMs) {
  return new Date(atMs).toISOString().slice(11, 23);
}

/**
 * Puts rows of text into a table. Text only: what peers have sent stays what it is. A row and a cell that are there are used
 * again, and what has not changed is not touched: a refresh changes few of a thousand cells.
 */
export function fill(table, rows) {
  const body = table.tBodies[0];
  while (body.rows.length > rows.length) body.lastElementChild.remove();
  for (const [index, cells] of rows.entries()) {
    const row = body.rows[index];
    if (row === undefined) body.append(rowOf(cells));
    else for (const [at, text] of cells.entries()) write(row.cells[at], text);
  }
}

export function rowOf(cells) {
  const row = document.createElement('tr');
  for (const cell of cells) {
    const item = document.createElement('td');
    write(item, cell);
    row.append(item);
  }
  return row;
}

/** Writes what has changed. */
export function write(element, text) {
  if (element.textContent === text) return;
  element.textContent = text;
  element.title = text;
}

/** The time by which a part of the operations since an earlier look was over, in milliseconds: the middle of its bucket. */
export function quantile(now, before, part) {
  const { buckets, counts, count } = now;
  const all = count - before.count;
  if (all <= 0) return undefined;
  let below = 0;
  for (let at = 0; at < buckets.length; at++) {
    const inside = counts[at] - before.counts[at];
    if (below + inside >= all * part) {
      const from = at === 0 ? 0 : buckets[at - 1];
      return 1000 * (from + (buckets[at] - from) * ((all * part - below) / inside));
    }
    below += inside;
  }
  return 1000 * buckets.at(-1);
}
