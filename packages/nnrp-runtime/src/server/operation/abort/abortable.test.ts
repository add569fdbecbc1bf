import { addAbortListener, once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { inspect } from 'node:util';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { eventually } from '../../../../test/support/eventually.js';
import { collectGarbage } from '../../../../test/support/measuring.js';
import { abortables } from './abortable.js';

const MAJOR = Number(process.versions.node.split('.')[0]);
const PROTOTYPE = Object.create(AbortSignal.prototype);

/** Ways to make them, and whether an AbortController does it. */
const WAYS: [name: string, prepare: () => void, isPlain: boolean][] = [
  ['as on this Node.js', () => {}, MAJOR > 22],
  [
    'where the names of Node.js are not known',
    () => vi.spyOn(AbortSignal, 'any').mockReturnValue(undefined as never),
    true,
  ],
  [
    'where Node.js does not take them for its own',
    // A signal that is to abort with another one does not.
    () => vi.spyOn(AbortController.prototype, 'abort').mockImplementation(() => {}),
    true,
  ],
];

afterEach(() => {
  vi.restoreAllMocks();
});

describe.each(WAYS)('a signal that is made %s', (_name, prepare, isPlain) => {
  function made() {
    prepare();
    const abortable = abortables(PROTOTYPE)();
    vi.restoreAllMocks();
    return abortable;
  }

  it('comes from an AbortController where it has to', () => {
    const { signal } = made();
    expect(Object.prototype.isPrototypeOf.call(PROTOTYPE, signal)).toBe(true);
    expect(Object.getPrototypeOf(signal) === PROTOTYPE).toBe(isPlain);
  });

  it('looks like any other', () => {
    const { signal } = made();
    const other = new AbortController().signal;
    expect(signal instanceof AbortSignal).toBe(true);
    expect(signal instanceof EventTarget).toBe(true);
    expect(signal.constructor).toBe(AbortSignal);
    expect([signal.aborted, signal.reason, signal.onabort]).toEqual([false, undefined, null]);
    expect(() => signal.throwIfAborted()).not.toThrow();
    const shown = (one: AbortSignal) => [
      inspect(one),
      String(one),
      Object.keys(one),
      Object.getOwnPropertySymbols(one),
    ];
    expect(shown(signal)).toEqual(shown(other));
  });

  it('aborts once, with its reason, and tells its listeners by events of Node.js', () => {
    const abortable = made();
    const { signal } = abortable;
    const told: unknown[] = [];
    signal.addEventListener('abort', ({ type, target, isTrusted }) => told.push([type, target === signal, isTrusted]));
    signal.onabort = () => told.push('onabort');
    addAbortListener(signal, () => told.push('by node:events'));
    abortable.abort('why');
    abortable.abort('again');
    expect(told).toEqual([['abort', true, true], 'onabort', 'by node:events']);
    expect([signal.aborted, signal.reason]).toEqual([true, 'why']);
    expect(() => signal.throwIfAborted()).toThrow('why');
    expect(inspect(signal)).toBe('AbortSignal { aborted: true }');
  });

  it('has a reason of its own when none is given', () => {
    const abortable = made();
    abortable.abort(undefined);
    expect(abortable.signal.reason).toMatchObject({ name: 'AbortError' });
  });

  it('is followed by what is derived from it, however far, and by what takes a signal', async () => {
    const abortable = made();
    const { signal } = abortable;
    const derived = AbortSignal.any([signal, AbortSignal.timeout(60_000)]);
    const further = AbortSignal.any([derived, new AbortController().signal]);
    const told: string[] = [];
    derived.addEventListener('abort', () => told.push('derived'));
    further.addEventListener('abort', () => told.push('further'));
    const waits = [wait(60_000, undefined, { signal }), once(new EventTarget(), 'never', { signal })];
    abortable.abort('why');
    expect([derived.reason, further.reason]).toEqual(['why', 'why']);
    expect(told.sort()).toEqual(['derived', 'further']);
    for (const one of waits) await expect(one).rejects.toMatchObject({ name: 'AbortError', cause: 'why' });
    await expect(fetch('http://127.0.0.1:9/', { signal })).rejects.toBe('why');
    expect(AbortSignal.any([signal]).aborted).toBe(true);
  });

  it('keeps nothing of who has called for the first one', async () => {
    const ofFirst = (() => {
      const caller = { call: () => void made() };
      caller.call();
      return new WeakRef(caller);
    })();
    await eventually(() => {
      collectGarbage();
      return ofFirst.deref() === undefined;
    }, 'the caller is collected');
  });
});
