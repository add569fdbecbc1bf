import { type AsyncContext, type BufferOfNode, builtin, type Channel } from './builtin.js';
import { PortableEvents } from './portable-events.js';
import * as portableTurns from './portable-turns.js';
import * as portableTypes from './portable-types.js';

/*
 * The only file of the client that asks where it runs. What Node.js has is asked for at run time and not imported, so that a
 * bundler finds no module of Node's. Deno and Bun have the same; a browser and a worker have none of it.
 */

export type { AsyncContext, Channel } from './builtin.js';

type Work<Args extends unknown[]> = (...args: Args) => void;
type Turn = <Args extends unknown[]>(work: Work<Args>, ...args: Args) => unknown;

/** A timer, which is an object in Node.js and a number elsewhere. */
export type Timer = ReturnType<typeof setTimeout>;

interface PlatformGlobals {
  readonly process?: {
    readonly versions?: { readonly node?: string };
    readonly nextTick?: Turn;
    emitWarning?(text: string, options: object): void;
  };
  readonly setImmediate?: Turn;
  readonly addEventListener?: (event: string, listener: () => void) => void;
  readonly removeEventListener?: (event: string, listener: () => void) => void;
}

const { process: node, setImmediate: immediate } = globalThis as unknown as PlatformGlobals;
const AsyncResource = builtin('node:async_hooks')?.AsyncResource;
const Buffer = builtin('node:buffer')?.Buffer;
const threads = builtin('node:worker_threads');

/** Node 20 holds the sources of a signal of `AbortSignal.any` only weakly. */
export const IS_NODE_20 = node?.versions?.node?.startsWith('20.') === true;

/** What events of the application are sent by: in Node.js its EventEmitter. */
export const PlatformEvents: typeof PortableEvents = builtin('node:events')?.EventEmitter ?? PortableEvents;

/** What a value is inside, whatever it says. */
export const types: typeof portableTypes = builtin('node:util')?.types ?? portableTypes;

/** From now on the memory cannot be transferred to another thread. Elsewhere it can: an application that does it harms itself. */
export const markAsUntransferable: (buffer: object) => void = threads?.markAsUntransferable ?? (() => {});

/**
 * What leads to the next turn, as it was when the package was loaded. A test that takes over time with fake timers replaces
 * the functions; durations may stand still then, but what is sent must leave and what is closed must end. Where they were
 * replaced before the package was loaded, messages and promises lead there: fake timers leave those alone.
 */
export const setImmediate: Turn =
  [immediate, builtin('node:timers')?.setImmediate].find(isReal) ?? portableTurns.nextTurn;
export const nextTick: Turn = isReal(node?.nextTick) ? node.nextTick : portableTurns.afterThis;

/** Fake timers know their clock, and stubs of tests what has been asked of them. Those of node:test are private methods of a mock. */
function isReal(turn: Turn | undefined): turn is Turn {
  return (
    turn !== undefined && !turn.name.includes('#') && !['clock', 'mock', 'isSinonProxy'].some((mark) => mark in turn)
  );
}

/** The context of the caller. Where there is none, work simply runs. */
export function currentContext(): AsyncContext {
  return AsyncResource === undefined ? NO_CONTEXT : new AsyncResource('NNRP', BY_HAND);
}

const BY_HAND = { requireManualDestroy: true };
const NO_CONTEXT: AsyncContext = { runInAsyncScope: (work, self, ...args) => Reflect.apply(work, self, args) };

/** The channel of this name; elsewhere one that never has a subscriber. */
export function channel<Message extends object>(name: string): Channel<Message> {
  return builtin('node:diagnostics_channel')?.channel(name) ?? NO_CHANNEL;
}

const NO_CHANNEL: Channel<object> = { hasSubscribers: false, publish: () => {} };

/** The timer, for which the process is not kept running. */
export function unref(timer: Timer): Timer {
  (timer as unknown as { unref?(): void }).unref?.();
  return timer;
}

/**
 * Calls when a browser says that its network is there again; never where nothing tells.
 * @returns stops listening
 */
export function whenOnline(work: () => void): () => void {
  const { addEventListener, removeEventListener } = globalThis as unknown as PlatformGlobals;
  if (addEventListener === undefined || removeEventListener === undefined) return () => {};
  addEventListener('online', work);
  return () => removeEventListener('online', work);
}

/** What refers to an object without holding it. */
interface Reference<Value> {
  deref(): Value | undefined;
}

/**
 * Refers to an object weakly. Workers of Cloudflare with a compatibility date before May 2025 have no WeakRef, and the object is
 * held there: the caller bounds how many it keeps.
 */
export function weakReference<Value extends object>(value: Value): Reference<Value> {
  return typeof WeakRef === 'undefined' ? { deref: () => value } : new WeakRef(value);
}

/** Says something on standard error, or on the console where there is none. Never throws, whatever a process has put there. */
export function emitWarning(text: string, detail: string): void {
  try {
    if (node?.emitWarning !== undefined) node.emitWarning(text, { type: 'NnrpWarning', code: 'NNRP_WARNING', detail });
    else console.warn(`NnrpWarning [NNRP_WARNING]: ${text}\n${detail}`);
  } catch {
    // Nothing is left that could be told.
  }
}

/** Memory that holds anything, and is written before it is read. */
export function newMemory(length: number): Uint8Array {
  return Buffer?.allocUnsafeSlow(length) ?? new Uint8Array(length);
}

interface Transferable extends ArrayBuffer {
  transfer?(bytes: number): ArrayBuffer;
}

let nowhere: InstanceType<typeof MessageChannel>['port1'] | undefined;

/**
 * Gives memory back at once, which else waits for the garbage collector: what is read into memory that was used just now is
 * read into the cache. Views of it are empty afterwards. Memory that cannot be given back stays.
 */
export function freeMemory(memory: ArrayBuffer): void {
  const transferable: Transferable = memory;
  try {
    if (transferable.transfer !== undefined) transferable.transfer(0);
    else if (IS_NODE_20) {
      nowhere ??= new (threads ?? globalThis).MessageChannel().port1;
      // As the standard has it, a port that is closed takes what it is sent, and drops it.
      nowhere.close();
      nowhere.postMessage(0, [memory]);
    }
  } catch {
    // Memory that a connection no longer needs may belong to another owner by now: that ends no connection.
  }
}

/** How many bytes a text has in UTF-8. */
export function utf8Length(text: string): number {
  return Buffer?.byteLength(text) ?? new TextEncoder().encode(text).length;
}

/** Bytes as text of one character each. @param bytes - a few thousand at most */
export function latin1Text(bytes: Uint8Array, start: number, end: number): string {
  if (Buffer !== undefined) return bufferOver(Buffer, bytes).toString('latin1', start, end);
  return String.fromCharCode(...bytes.subarray(start, end));
}

/** The same back. */
export function latin1Bytes(text: string): Uint8Array {
  return Buffer?.from(text, 'latin1') ?? Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Bytes as text that is safe in a URL, without padding. */
export function base64url(bytes: Uint8Array): string {
  if (Buffer !== undefined) return bufferOver(Buffer, bytes).toString('base64url');
  return btoa(latin1Text(bytes, 0, bytes.length)).replace(/[+/=]/g, (character) => BASE64URL[character] ?? '');
}

/** The same back. @param text - of no other characters than {@link base64url} gives */
export function base64urlBytes(text: string): Uint8Array {
  if (Buffer !== undefined) return new Uint8Array(Buffer.from(text, 'base64url'));
  // A length that no bytes have: nothing is what it says.
  if (text.length % 4 === 1) return new Uint8Array(0);
  return latin1Bytes(atob(text.replace(/[-_]/g, (character) => (character === '-' ? '+' : '/'))));
}

const BASE64URL: Readonly<Record<string, string>> = { '+': '-', '/': '_', '=': '' };

function bufferOver(Node: NonNullable<typeof Buffer>, bytes: Uint8Array): BufferOfNode {
  return Node.isBuffer(bytes) ? bytes : Node.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
