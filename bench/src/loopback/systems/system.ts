import type { ExchangeLoad, StreamLoad } from '../load.js';
import type { Scenario } from '../scenarios.js';

/** What a server has done since it was started; compared with what its client says. */
export class Tally {
  requests = 0;
  requestBytes = 0;
  /** Messages of streams, without the one that ends a stream. */
  messages = 0;

  request(bytes: number): void {
    this.requests++;
    this.requestBytes += bytes;
  }
}

/** A client with its connections open. Does one load at a time; a load that cannot go on is failed. */
export interface Caller {
  exchange(load: ExchangeLoad): void;
  stream(load: StreamLoad): void;
  close(): Promise<unknown>;
}

/** One contestant. Its two sides run in processes of their own. */
export interface System {
  /** Listens on a free port of 127.0.0.1, and counts what it serves. @returns the port */
  serve(scenario: Scenario, tally: Tally): Promise<number>;
  /** Opens every connection of the scenario, and its sessions. */
  connect(scenario: Scenario, port: number): Promise<Caller>;
}

/** Bodies of a stream's messages, numbered in their first byte; the message `index` is `messages[index & 255]`. */
export function messageBodies(bytes: number): Buffer[] {
  return Array.from({ length: 256 }, (_, index) => Buffer.alloc(bytes, index));
}

/** Makes things one batch after the other: a thousand connections at once would overrun the listener's backlog. */
export async function inBatches<T>(count: number, make: (index: number) => Promise<T>): Promise<T[]> {
  const made: T[] = [];
  while (made.length < count) {
    const start = made.length;
    const batch = Array.from({ length: Math.min(50, count - start) }, (_, index) => make(start + index));
    made.push(...(await Promise.all(batch)));
  }
  return made;
}

/** A promise for the next turn of the event loop, for systems whose handlers are async functions. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
