import * as timers from 'node:timers';
import { afterEach, describe, expect, it, vi } from 'vitest';

const REAL = { setImmediate, nextTick: process.nextTick, MessageChannel: globalThis.MessageChannel };

afterEach(() => {
  globalThis.setImmediate = REAL.setImmediate;
  process.nextTick = REAL.nextTick;
  globalThis.MessageChannel = REAL.MessageChannel;
  vi.resetModules();
});

/** The platform as a package finds it that is loaded now. */
function loaded(): Promise<typeof import('./platform.js')> {
  vi.resetModules();
  return import('./platform.js');
}

function replace(mark: object): void {
  // Of the module, too, as fake timers do.
  const module = process.getBuiltinModule('node:timers') as { setImmediate: unknown };
  const fake = marked(() => {}, mark);
  Object.assign(globalThis, { setImmediate: fake });
  module.setImmediate = fake;
  // Node hears the process that runs the tests by way of it, which is asked for what is imported now.
  process.nextTick = marked((...call: Parameters<typeof process.nextTick>) => REAL.nextTick(...call), mark);
}

function marked<Fake extends object>(fake: Fake, mark: object): Fake {
  for (const [name, value] of Object.entries(mark)) Object.defineProperty(fake, name, { value });
  return fake;
}

describe('turns, of a package that is loaded when timers have been replaced', () => {
  afterEach(() => {
    (process.getBuiltinModule('node:timers') as { setImmediate: unknown }).setImmediate = timers.setImmediate;
  });

  // The last is a private method, as node:test has them.
  it.each([{ clock: {} }, { mock: {} }, { isSinonProxy: true }, { name: 'bound #setImmediate' }])(
    'come all the same: %j',
    async (mark) => {
      replace(mark);
      const { setImmediate: turn, nextTick } = await loaded();
      expect(nextTick).not.toBe(process.nextTick);
      const seen: unknown[] = [];
      await new Promise<void>((resolve) => {
        turn((text: string) => seen.push(text), 'turn 1');
        turn((text: string) => {
          seen.push(text);
          resolve();
        }, 'turn 2');
        nextTick((text: string) => seen.push(text), 'afterwards');
      });
      expect(seen).toEqual(['afterwards', 'turn 1', 'turn 2']);
    },
  );

  it('are those of Node where only the global function was replaced', async () => {
    Object.assign(globalThis, { setImmediate: Object.assign(() => {}, { clock: {} }) });
    expect((await loaded()).setImmediate).toBe(timers.setImmediate);
  });
});

describe('memory that is given back', () => {
  const memoryOf = (bytes: number) => new ArrayBuffer(bytes);

  it('is empty at once, also in a test environment without channels', async () => {
    Reflect.deleteProperty(globalThis, 'MessageChannel');
    const { freeMemory } = await loaded();
    const memory = memoryOf(70_000);
    freeMemory(memory);
    expect(memory.byteLength).toBe(0);
  });

  it('stays, without a word, where it cannot be', async () => {
    const { freeMemory } = await loaded();
    // Only a module of WebAssembly may take away its memory.
    const { WebAssembly } = globalThis as unknown as {
      WebAssembly: { Memory: new (size: object) => { buffer: ArrayBuffer } };
    };
    const ofModule = new WebAssembly.Memory({ initial: 1 }).buffer;
    freeMemory(ofModule);
    expect(ofModule.byteLength).toBe(65_536);
    const gone = memoryOf(70_000);
    freeMemory(gone);
    expect(() => freeMemory(gone)).not.toThrow();
  });
});
