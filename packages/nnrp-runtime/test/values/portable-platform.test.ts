import { afterEach, describe, expect, it, vi } from 'vitest';
import { reasonOf } from '../../src/base/application/abort-signals.js';
import * as ofNode from '../../src/platform/platform.js';

type Platform = typeof ofNode;

/** The same file where nothing of Node.js is. */
async function elsewhere(): Promise<Platform> {
  // The test runner needs the rest.
  const missing = ['getBuiltinModule', 'nextTick', 'emitWarning', 'versions'];
  const without = missing.map((name) => [name, { value: undefined, writable: true }]);
  vi.stubGlobal('process', Object.create(process, Object.fromEntries(without)));
  vi.stubGlobal('setImmediate', undefined);
  // Another copy: the one that others import has seen Node.js.
  const copy = '../../src/platform/platform.ts?elsewhere';
  return import(/* @vite-ignore */ copy);
}

afterEach(() => vi.unstubAllGlobals());

describe('outside of Node.js', () => {
  it('events come as those of Node.js do', async () => {
    const { PlatformEvents } = await elsewhere();
    expect(PlatformEvents).not.toBe(ofNode.PlatformEvents);
    const told = [PlatformEvents, ofNode.PlatformEvents].map((Events) => {
      const heard: unknown[] = [];
      const emitter = new Events();
      const twice = (value: unknown) => heard.push('twice', value);
      emitter.on('a', twice).on('a', twice);
      emitter.once('a', (value) => heard.push('once', value));
      emitter.prependListener('a', () => heard.push('first'));
      emitter.prependOnceListener('a', () => heard.push('first once'));
      heard.push(emitter.emit('a', 1), emitter.listenerCount('a'));
      emitter.off('a', twice);
      heard.push(emitter.emit('a', 2), emitter.listenerCount('a'), emitter.eventNames());
      const late = () => heard.push('late');
      emitter.once('b', late);
      emitter.addListener('b', () => emitter.removeAllListeners('b'));
      emitter.on('b', () => heard.push('still told'));
      heard.push(emitter.listeners('b')[0] === late, emitter.rawListeners('b')[0] === late);
      heard.push(emitter.emit('b'), emitter.emit('b'), emitter.off('b', late) === emitter);
      emitter.once('c', late);
      emitter.removeListener('c', late);
      heard.push(emitter.emit('c'), emitter.setMaxListeners(3).getMaxListeners());
      emitter.removeAllListeners();
      heard.push(emitter.emit('a'), emitter.eventNames());
      return heard;
    });
    expect(told[0]).toEqual(told[1]);
    expect(told[0]?.length).toBeGreaterThan(20);
    expect(() => new PlatformEvents().on('a', undefined as never)).toThrow(TypeError);
  });

  it('values are told by what they are inside', async () => {
    const { types } = await elsewhere();
    class OwnMap extends Map {}
    const values: readonly unknown[] = [
      new Map(),
      new OwnMap(),
      Object.create(Map.prototype),
      new Set(),
      new ArrayBuffer(1),
      new SharedArrayBuffer(1),
      new DataView(new ArrayBuffer(1)),
      new Uint8Array(1),
      Promise.resolve(),
      { [Symbol.toStringTag]: 'Map' },
      { byteLength: 1 },
      null,
      undefined,
      'text',
      7,
      () => {},
    ];
    for (const name of ['isMap', 'isSet', 'isArrayBuffer', 'isAnyArrayBuffer', 'isDataView', 'isPromise'] as const) {
      expect(
        values.map((value) => types[name](value)),
        name,
      ).toEqual(values.map((value) => ofNode.types[name](value)));
    }
  });

  it('text and bytes become each other as in Node.js', async () => {
    const { base64url, base64urlBytes, latin1Bytes, latin1Text, newMemory, utf8Length } = await elsewhere();
    for (let length = 0; length < 300; length++) {
      const bytes = Uint8Array.from({ length }, (_, index) => (index * 37 + length) % 256);
      const text = ofNode.base64url(bytes);
      expect(base64url(bytes)).toBe(text);
      expect([...base64urlBytes(text)]).toEqual([...bytes]);
      expect(latin1Text(bytes, 0, length)).toBe(ofNode.latin1Text(bytes, 0, length));
      expect([...latin1Bytes(latin1Text(bytes, 0, length))]).toEqual([...bytes]);
    }
    expect(base64urlBytes('abcde')).toHaveLength(0);
    expect(newMemory(7)).toHaveLength(7);
    for (const text of ['', 'a', 'ä', '日本', '😀', '\ud800']) expect(utf8Length(text)).toBe(ofNode.utf8Length(text));
  });

  it('the next turn comes after promises and in order, and what comes first is a microtask', async () => {
    const { nextTick, setImmediate } = await elsewhere();
    const order: string[] = [];
    await new Promise<void>((resolve) => {
      setImmediate((name: string) => order.push(name), 'turn 1');
      setImmediate((name: string) => {
        order.push(name);
        setImmediate(resolve);
      }, 'turn 2');
      nextTick((name: string) => order.push(name), 'tick');
      Promise.resolve().then(() => order.push('promise'));
      order.push('now');
    });
    expect(order).toEqual(['now', 'tick', 'promise', 'turn 1', 'turn 2']);
  });

  it('warnings stand on the console, timers are left as they are, contexts run work', async () => {
    const { currentContext, emitWarning, IS_NODE_20, markAsUntransferable, unref } = await elsewhere();
    const warned = vi.spyOn(console, 'warn').mockImplementation(() => {});
    emitWarning('something', 'at a place');
    expect(warned.mock.calls).toEqual([['NnrpWarning [NNRP_WARNING]: something\nat a place']]);
    warned.mockRestore();
    expect(unref(7 as never)).toBe(7);
    expect(IS_NODE_20).toBe(false);
    expect(markAsUntransferable(new ArrayBuffer(1))).toBeUndefined();
    const add = currentContext().runInAsyncScope(
      function (this: { one: number }, two: number) {
        return this.one + two;
      },
      { one: 1 },
      2,
    );
    expect(add).toBe(3);
  });

  it('what cannot be referred to weakly is held', async () => {
    const value = {};
    expect(ofNode.weakReference(value)).toBeInstanceOf(WeakRef);
    vi.stubGlobal('WeakRef', undefined);
    const { weakReference } = await elsewhere();
    expect(weakReference(value).deref()).toBe(value);
  });

  it('a signal that aborts without a reason, as those of React Native do, has the usual one', () => {
    expect(reasonOf({ aborted: true } as AbortSignal)).toMatchObject({ name: 'AbortError' });
    expect(reasonOf(AbortSignal.abort(null))).toBe(null);
    expect(reasonOf(AbortSignal.abort('enough'))).toBe('enough');
  });
});
