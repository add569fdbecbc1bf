import { RequestError } from './request-error.js';

/** `hexdump -C`: offset, bytes in two groups, the same as text. The text may hold anything. */
const CANONICAL = /^([0-9a-f]{6,16})(?: {2}((?:[0-9a-f]{2} {1,2}){1,16}) *\|.*)?$/i;
/** `xxd`: offset, bytes in groups, the same as text behind two spaces. */
const XXD = /^([0-9a-f]{6,16}): ((?:[0-9a-f]{2,32} )*[0-9a-f]{2,32}) {2}.*$/i;
const REPEATED = '*';
const COLONS = /^(?:[0-9a-f]{2}:)+(?:[0-9a-f]{2})?$/i;
const MAX_BYTES = 128 * 1024 * 1024;

/**
 * The hex in a dump: of `hexdump -C`, of `xxd`, or with colons between the bytes. Any other text is given back as it is.
 *
 * @throws RequestError bad_request that names the line which is none of the dump, or does not follow the one before
 */
export function hexOfDump(text: string): string {
  const lines = text.split(/\r?\n/).map((line) => line.trimEnd());
  const written = lines.filter((line) => line !== '');
  const [first = ''] = written;
  if (written.every((line) => COLONS.test(line.trim()))) return written.join('').replaceAll(/[:\s]/g, '');
  if (XXD.test(first)) return readDump(lines, XXD, 'xxd');
  return CANONICAL.test(first) && first.includes('|') ? readDump(lines, CANONICAL, 'hexdump -C') : text;
}

function readDump(lines: readonly string[], form: RegExp, program: string): string {
  const fail = (index: number, what: string): never => {
    throw new RequestError({ kind: 'bad_request', message: `hex: line ${index + 1} of the dump ${what}` });
  };
  const parts: string[] = [];
  let bytes = 0;
  let last = '';
  let isRepeated = false;
  const base = Number.parseInt(lines.find((line) => line !== '') ?? '0', 16);
  for (const [index, line] of lines.entries()) {
    if (line === '') continue;
    if (line === REPEATED) {
      if (last === '') fail(index, 'repeats nothing');
      isRepeated = true;
      continue;
    }
    const [, offset, hex = ''] = form.exec(line) ?? fail(index, `is no line of ${program}`);
    const at = Number.parseInt(offset as string, 16) - base;
    if (at > MAX_BYTES) fail(index, `is at byte ${at}: at most ${MAX_BYTES} are read`);
    for (; isRepeated && bytes < at; bytes += last.length / 2) parts.push(last);
    if (at !== bytes) fail(index, `is at byte ${at}, and the one before ended at ${bytes}`);
    isRepeated = false;
    last = hex.replaceAll(' ', '');
    if (last.length % 2 !== 0) fail(index, 'has half a byte');
    parts.push(last);
    bytes += last.length / 2;
  }
  return parts.join('');
}
