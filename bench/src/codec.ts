import { preview3 } from 'nnrp-core';
import * as byHand from './handwritten.js';
import { kaitaiParser } from './kaitai-parser.js';
import { type Contestant, type Measured, takeTurns } from './turns.js';

/*
 * Generated codecs against hand-written DataView code and against the Kaitai compiler's JavaScript parser.
 *   node bench/dist/codec.js [--quick] [NAME]
 */

interface Subject {
  readonly name: string;
  readonly schema: string;
  readonly bytes: number;
  readonly check: (view: DataView, start: number) => number;
  readonly decode: (view: DataView, start: number) => object;
  readonly encode: (value: never, view: DataView, start: number) => number;
  readonly byHand: (view: DataView, start: number) => object;
  /** Points a view at a structure and reads three fields. */
  readonly view3: (view: DataView, start: number) => number;
  /** A field of what decode returns, so that the result is used. */
  readonly probe: (value: never) => number;
  readonly value: object;
}

const header = new preview3.CommonHeaderView();
const open = new preview3.SessionOpenView();
const submit = new preview3.FrameSubmitView();
const push = new preview3.ResultPushView();

const SUBJECTS: readonly Subject[] = [
  {
    name: 'HEADER',
    schema: 'common_header',
    bytes: preview3.COMMON_HEADER_BYTES,
    check: preview3.checkCommonHeader,
    decode: preview3.decodeCommonHeader,
    encode: preview3.encodeCommonHeader,
    byHand: byHand.decodeHeader,
    view3: (view, start) => header.at(view, start).messageType + header.sessionId + header.frameId,
    probe: (value: preview3.CommonHeader) => value.sessionId,
    value: {
      versionMajor: 1,
      wireFormat: 0,
      messageType: preview3.MessageType.FrameSubmit,
      headerLen: 40,
      flags: 0x21,
      metaLen: 72,
      bodyLen: 256,
      sessionId: 7,
      frameId: 11,
      viewId: 0,
      routeId: 0,
      traceId: 123456789n,
    },
  },
  {
    name: 'SESSION_OPEN',
    schema: 'session_open',
    bytes: preview3.SESSION_OPEN_BYTES,
    check: preview3.checkSessionOpen,
    decode: preview3.decodeSessionOpen,
    encode: preview3.encodeSessionOpen,
    byHand: byHand.decodeSessionOpen,
    view3: (view, start) => open.at(view, start).requestedSessionId + open.profileId + open.schemaId,
    probe: (value: preview3.SessionOpen) => value.schemaId,
    value: {
      requestedSessionId: 42,
      profileId: 2,
      priorityClass: 1,
      sessionFlags: 5,
      schemaId: 0x1001,
      schemaVersion: 3,
      defaultDeadlineMs: 500,
      maxInFlightOperations: 4,
      leaseTtlHintMs: 30_000,
      resumeTokenBytes: 16,
      authBytes: 32,
      sessionExtensionBytes: 8,
      clientSessionTag: 0x0123456789abcdefn,
    },
  },
  {
    name: 'FRAME_SUBMIT',
    schema: 'frame_submit',
    bytes: preview3.FRAME_SUBMIT_BYTES,
    check: preview3.checkFrameSubmit,
    decode: preview3.decodeFrameSubmit,
    encode: preview3.encodeFrameSubmit,
    byHand: byHand.decodeFrameSubmit,
    view3: (view, start) =>
      submit.at(view, start).latencyBudgetMs + submit.payloadKindBitmap + submit.payloadFrameCount,
    probe: (value: preview3.FrameSubmit) => value.payloadFrameCount,
    value: {
      srcWidth: 0,
      srcHeight: 0,
      tileWidth: 0,
      tileHeight: 0,
      tileCount: 0,
      sectionCount: 0,
      frameClass: 3,
      inputProfile: 0,
      tileIndexMode: 1,
      latencyBudgetMs: 25,
      targetFpsX100: 3000,
      retryOfFrame: 11,
      tileBaseId: 0,
      cameraBytes: 0,
      tileIndexBytes: 0,
      submitMode: 0,
      budgetPolicy: 9,
      lossTolerancePolicy: 2,
      objectRefMask: 0,
      dependencyFrameId: 10,
      payloadKindBitmap: 2,
      payloadFrameCount: 4,
    },
  },
  {
    name: 'RESULT_PUSH',
    schema: 'result_push',
    bytes: preview3.RESULT_PUSH_BYTES,
    check: preview3.checkResultPush,
    decode: preview3.decodeResultPush,
    encode: preview3.encodeResultPush,
    byHand: byHand.decodeResultPush,
    view3: (view, start) => push.at(view, start).statusCode + push.resultClass + push.payloadFrameCount,
    probe: (value: preview3.ResultPush) => value.statusCode,
    value: {
      statusCode: 200,
      resultFlags: 4,
      sectionCount: 0,
      tileCount: 0,
      activeProfileId: 2,
      inferenceMs: 3,
      queueMs: 1,
      serverTotalMs: 4,
      tileBaseId: 0,
      tileIndexBytes: 0,
      resultClass: 1,
      appliedBudgetPolicy: 2,
      reusedFrameId: 12,
      coveredTileCount: 0,
      droppedTileCount: 0,
      payloadKindBitmap: 2,
      payloadFrameCount: 1,
    },
  },
];

/** Structures lie back to back in one buffer, as packets do in a chunk. */
const COPIES = 64;

/** What is decoded outlives the iteration, as it does in use; otherwise the object might never be made. */
const KEEP = 'const value = decode(view, at); kept[i & 15] = value; sum += probe(value);';

/** Each loop is compiled apart, so that no call site sees more than one callee. */
function loop(body: string, parameters: Record<string, unknown>): (count: number) => number {
  const names = Object.keys(parameters);
  const source = `return function run(count) { let sum = 0; for (let i = 0; i < count; i++) { const at = (i & ${COPIES - 1}) * size; ${body} } return sum; }`;
  return new Function(...names, source)(...names.map((name) => parameters[name]));
}

async function measure(subject: Subject, turns: number, turnMs: number): Promise<Map<string, Measured>> {
  const { bytes: size, check, decode, encode, view3, probe, value } = subject;
  const view = new DataView(new ArrayBuffer(size * COPIES));
  for (let copy = 0; copy < COPIES; copy++) encode(value as never, view, copy * size);
  const single = view.buffer.slice(0, size);
  const parse = await kaitaiParser(subject.schema);
  const contestants: Contestant[] = [
    { name: 'check', run: loop('sum += check(view, at);', { check, view, size }) },
    { name: 'view, 3 fields', run: loop('sum += view3(view, at);', { view3, view, size }) },
    { name: 'decode', run: loop(KEEP, { decode, kept: [], probe, view, size }) },
    { name: 'decode by hand', run: loop(KEEP, { decode: subject.byHand, kept: [], probe, view, size }) },
    { name: 'encode', run: loop('sum += encode(value, view, at);', { encode, value, view, size }) },
    { name: 'Kaitai parser', run: loop('sum += parse(single) === null ? 1 : 0;', { parse, single, size }) },
  ];
  return new Map(takeTurns(contestants, turns, turnMs).map((measured) => [measured.name, measured]));
}

async function main(args: readonly string[]): Promise<number> {
  const quick = args.includes('--quick');
  const filter = args.find((arg) => !arg.startsWith('--'));
  const rows: Record<string, Record<string, string>> = {};
  const missed: string[] = [];
  for (const subject of SUBJECTS.filter(({ name }) => filter === undefined || name.includes(filter))) {
    const figures = await measure(subject, quick ? 5 : 21, quick ? 5 : 40);
    const ns = (name: string) => figures.get(name)?.nanoseconds ?? Number.NaN;
    const bytes = (name: string) => figures.get(name)?.bytes ?? Number.NaN;
    const decodeRatio = ns('decode') / ns('decode by hand');
    const viewRatio = ns('Kaitai parser') / ns('view, 3 fields');
    rows[subject.name] = {
      ...Object.fromEntries([...figures].map(([name, { nanoseconds }]) => [`${name} (ns)`, nanoseconds.toFixed(1)])),
      'decode / by hand': decodeRatio.toFixed(2),
      'Kaitai / view': viewRatio.toFixed(1),
      'bytes: check, view': `${bytes('check')}, ${bytes('view, 3 fields')}`,
    };
    if (decodeRatio > 1.15) missed.push(`${subject.name}: decode ${decodeRatio.toFixed(2)} x by hand, goal 1.15`);
    if (viewRatio < 10) missed.push(`${subject.name}: view ${viewRatio.toFixed(1)} x faster than Kaitai, goal 10`);
    if (bytes('check') + bytes('view, 3 fields') > 0) missed.push(`${subject.name}: check or view allocates`);
  }
  const columns = Object.keys(Object.values(rows)[0] ?? {});
  console.log(`| structure | ${columns.join(' | ')} |`);
  console.log(`| --- | ${columns.map(() => '---:').join(' | ')} |`);
  for (const [name, row] of Object.entries(rows))
    console.log(`| ${name} | ${columns.map((c) => row[c]).join(' | ')} |`);
  for (const line of missed) console.log(`missed: ${line}`);
  if (missed.length === 0) console.log('every goal is met');
  return 0;
}

process.exitCode = await main(process.argv.slice(2));
