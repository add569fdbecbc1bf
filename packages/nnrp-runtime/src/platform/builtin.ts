import type { PortableEvents } from './portable-events.js';
import type * as portableTypes from './portable-types.js';

type Turn = <Args extends unknown[]>(work: (...args: Args) => void, ...args: Args) => unknown;

/** Code that runs in it has the stores of AsyncLocalStorage that were there when it was made. */
export interface AsyncContext {
  runInAsyncScope<This, Args extends unknown[], Result>(
    work: (this: This, ...args: Args) => Result,
    self?: This,
    ...args: Args
  ): Result;
}

/** A channel of node:diagnostics_channel. What a subscriber throws does not come back to `publish`. */
export interface Channel<Message extends object> {
  /** Asked first: without a subscriber no message is made. */
  readonly hasSubscribers: boolean;
  publish(message: Message): void;
}

/** Not `Uint8Array<ArrayBuffer>`, which TypeScript before 5.7 does not know. */
export type BufferOfNode = Uint8Array & {
  readonly buffer: ArrayBuffer;
  toString(encoding: 'latin1' | 'base64url', start?: number, end?: number): string;
};

/** As much of Node.js as is used here. */
export interface Modules {
  readonly 'node:async_hooks': { readonly AsyncResource: new (type: string, options: object) => AsyncContext };
  readonly 'node:buffer': {
    readonly Buffer: {
      from(text: string, encoding: 'latin1' | 'base64url'): BufferOfNode;
      from(memory: ArrayBufferLike, start: number, length: number): BufferOfNode;
      allocUnsafeSlow(length: number): BufferOfNode;
      byteLength(text: string): number;
      isBuffer(bytes: unknown): bytes is BufferOfNode;
    };
  };
  readonly 'node:diagnostics_channel': { channel(name: string): Channel<object> };
  readonly 'node:events': { readonly EventEmitter: typeof PortableEvents };
  readonly 'node:timers': { readonly setImmediate: Turn };
  readonly 'node:worker_threads': {
    readonly MessageChannel: typeof MessageChannel;
    markAsUntransferable(buffer: object): void;
  };
  readonly 'node:util': { readonly types: typeof portableTypes };
}

interface PlatformProcess {
  getBuiltinModule?<Name extends keyof Modules>(name: Name): Modules[Name] | undefined;
}

/** A module of Node.js; undefined where there is none. */
export function builtin<Name extends keyof Modules>(name: Name): Modules[Name] | undefined {
  const { process } = globalThis as unknown as { readonly process?: PlatformProcess };
  return process?.getBuiltinModule?.(name);
}
