import { agreement } from './codec/agreement.js';
import { kaitaiParser } from './codec/kaitai-parser.js';
import { SUBJECTS, type Subject } from './codec/subjects.js';
import { table } from './table.js';
import { type Contestant, type Measured, takeTurns } from './turns.js';

/*
 * Generated codecs against hand-written DataView code and against the Kaitai compiler's JavaScript parser.
 *   node bench/dist/codec.js [--quick] [--assert] [NAME]
 */

const USAGE = 'usage: codec [--quick] [--assert] [NAME]';

/** Structures lie back to back in one buffer, as packets do in a chunk. */
const COPIES = 64;

/** What is decoded outlives the iteration, as it does in use; otherwise the object might never be made. */
const KEEP = 'const value = decode(view, at); kept[i & 15] = value; sum += probe(value);';

const CONTESTANTS = [
  'check',
  'hand check',
  '3 fields',
  'hand 3 fields',
  'decode',
  'hand decode',
  'encode',
  'hand encode',
  'Kaitai',
] as const;
type Name = (typeof CONTESTANTS)[number];

/** Each loop is compiled apart, so that no call site sees more than one callee. */
function loop(body: string, parameters: Record<string, unknown>): (count: number) => number {
  const names = Object.keys(parameters);
  const source = `return function run(count) { let sum = 0; for (let i = 0; i < count; i++) { const at = (i & ${COPIES - 1}) * size; ${body} } return sum; }`;
  return new Function(...names, source)(...names.map((name) => parameters[name]));
}

async function measure(subject: Subject, turns: number, turnMs: number): Promise<(name: Name) => Measured> {
  const { bytes: size, encode, probe, value } = subject;
  const view = new DataView(new ArrayBuffer(size * COPIES));
  for (let copy = 0; copy < COPIES; copy++) encode(value as never, view, copy * size);
  const single = view.buffer.slice(0, size);
  const parse = await kaitaiParser(subject.revision, subject.schema);
  const runs: Record<Name, (count: number) => number> = {
    Kaitai: loop('sum += parse(single) === null ? 1 : 0;', { parse, single, size }),
    ...pair('check', 'sum += check(view, at);', ({ check }) => ({ check, view, size })),
    ...pair('3 fields', 'sum += read3(view, at);', ({ read3 }) => ({ read3, view, size })),
    ...pair('decode', KEEP, ({ decode }) => ({ decode, kept: [], probe, view, size })),
    ...pair('encode', 'sum += encode(value, view, at);', ({ encode }) => ({ encode, value, view, size })),
  };
  function pair<T extends string>(name: T, body: string, parameters: (codec: Subject['byHand']) => object) {
    const run = (codec: Subject['byHand']) => loop(body, { ...parameters(codec) });
    return { [name]: run(subject), [`hand ${name}`]: run(subject.byHand) } as Record<
      T | `hand ${T}`,
      Contestant['run']
    >;
  }
  const measured = takeTurns(
    CONTESTANTS.map((name) => ({ name, run: runs[name] })),
    turns,
    turnMs,
  );
  return (name) => measured[CONTESTANTS.indexOf(name)] as Measured;
}

async function main(args: readonly string[]): Promise<number> {
  const options = args.filter((arg) => arg.startsWith('--'));
  const [filter = '', ...more] = args.filter((arg) => !arg.startsWith('--'));
  const subjects = SUBJECTS.filter(({ name }) => name.includes(filter));
  const known = options.every((option) => option === '--quick' || option === '--assert');
  if (!known || more.length > 0 || subjects.length === 0) {
    console.error(`${USAGE}; names: ${SUBJECTS.map(({ name }) => name).join(', ')}`);
    return 2;
  }
  const quick = options.includes('--quick');

  const times: string[][] = [];
  const ratios: string[][] = [];
  const missed: string[] = [];
  const failed: string[] = [];
  for (const subject of subjects) {
    const { name } = subject;
    const figures = await measure(subject, quick ? 5 : 21, quick ? 5 : 40);
    const ratio = (over: Name, under: Name) => figures(over).nanoseconds / figures(under).nanoseconds;
    const [decode, kaitai] = [ratio('decode', 'hand decode'), ratio('Kaitai', '3 fields')];
    const allocated = [figures('check').bytes, figures('3 fields').bytes];
    times.push([name, ...CONTESTANTS.map((contestant) => figures(contestant).nanoseconds.toFixed(1))]);
    ratios.push([
      name,
      ratio('check', 'hand check').toFixed(2),
      ratio('3 fields', 'hand 3 fields').toFixed(2),
      decode.toFixed(2),
      ratio('encode', 'hand encode').toFixed(2),
      kaitai.toFixed(1),
      allocated.join(', '),
    ]);
    if (!(decode <= 1.15)) missed.push(`${name}: decode ${decode.toFixed(2)} x by hand, goal 1.15`);
    if (!(kaitai >= 10)) missed.push(`${name}: view ${kaitai.toFixed(1)} x faster than Kaitai, goal 10`);
    if (!allocated.every((bytes) => bytes === 0)) failed.push(`${name}: check or view allocates`);
  }

  let samples = 0;
  for (const subject of subjects) {
    const compared = agreement(subject);
    samples += compared.samples;
    failed.push(...compared.disagreements);
  }

  console.log('Nanoseconds; 3 fields: generated view; hand: the same written by hand\n');
  console.log(table(['structure', ...CONTESTANTS], times));
  console.log('\nRatios, generated / by hand; bytes allocated by check and view\n');
  console.log(table(['structure', 'check', '3 fields', 'decode', 'encode', 'Kaitai / 3 fields', 'bytes'], ratios));
  console.log(`\n${samples} samples compared between generated and hand-written code`);
  for (const line of missed) console.log(`missed: ${line}`);
  for (const line of failed.slice(0, 20)) console.log(`failed: ${line}`);
  if (failed.length > 20) console.log(`failed: ${failed.length - 20} more`);
  if (missed.length + failed.length === 0) console.log('every goal is met');
  return options.includes('--assert') && failed.length > 0 ? 1 : 0;
}

process.exitCode = await main(process.argv.slice(2));
