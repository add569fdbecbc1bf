import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

/* Processes in which an application, a library or an operator has changed what the language or Node gives. */

const PROGRAM = fileURLToPath(new URL('hardened-process.mjs', import.meta.url));

async function seen(options: readonly string[], prelude = ''): Promise<unknown> {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [...options, PROGRAM, prelude]);
  return { seen: JSON.parse(stdout), stderr };
}

/** As jsdom has them, in which tests of pages run. */
const NUMBERED_TIMERS = `
  const timers = [undefined];
  for (const [set, clear] of [['setTimeout', 'clearTimeout'], ['setInterval', 'clearInterval']]) {
    const [begin, end] = [globalThis[set], globalThis[clear]];
    globalThis[set] = (...given) => timers.push(begin(...given).unref()) - 1;
    globalThis[clear] = (id) => end(timers[id]);
  }`;

const USUAL = {
  seen: ['one two ', 'PeerError OUT_OF_LUCK', 'PeerError NNRP_ERR_HANDLER_FAILED', 'ClosedError NNRP_ERR_CLOSED'],
  stderr: '',
};

describe('a process whose intrinsics', () => {
  it.each([
    ['have numbers for timers', NUMBERED_TIMERS],
    ['have enumerable additions to Object.prototype', 'Object.prototype.extra = 5'],
    ['have a method there', 'Object.prototype.also = function () {}'],
    [
      'have a getter there that throws when it is not hidden',
      "Object.defineProperty(Object.prototype, 'odd', { get() { throw new Error('odd'); } })",
    ],
    ['have enumerable additions to Array.prototype', 'Array.prototype.last = function () { return this.at(-1); }'],
    ['count no frames of a stack', 'Error.stackTraceLimit = 0'],
    ['have no limit of frames', 'delete Error.stackTraceLimit'],
    ['have a frozen Error', 'Object.freeze(Error)'],
    [
      'are frozen by hand',
      `for (const frozen of [Object, Array, Error, Promise, Map, Set, Function, Uint8Array, DataView, TypeError, RangeError])
         Object.freeze(frozen), Object.freeze(frozen.prototype)`,
    ],
  ])('%s does what any does', async (_what, prelude) => {
    expect(await seen([], prelude)).toEqual(USUAL);
  });
});

describe('a process with', () => {
  it.each([
    ['--frozen-intrinsics', '--no-warnings'],
    ['--disable-proto=throw'],
    ['--disable-proto=delete'],
    ['--unhandled-rejections=strict', '--throw-deprecation', '--pending-deprecation'],
    ['--stack-trace-limit=0'],
    ['--max-old-space-size=24'],
  ])('%s does what any does', async (...options) => {
    expect(await seen(options)).toEqual(USUAL);
  });
});
