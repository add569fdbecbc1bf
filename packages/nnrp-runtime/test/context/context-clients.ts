import { AsyncLocalStorage } from 'node:async_hooks';
import type { ServeHandlers } from '../../src/index.js';
import { Stage } from '../support/stage.js';

export const store = new AsyncLocalStorage<string>();
export const stage = new Stage();

/** What was seen, by the name of the callback. */
export class Seen {
  private readonly stores: [name: string, store: string | undefined][] = [];

  note(name: string): void {
    this.stores.push([name, store.getStore()]);
  }

  has(name: string): boolean {
    return this.stores.some(([seen]) => seen === name);
  }

  /** Every store with which the callback was called. */
  of(name: string): (string | undefined)[] {
    return this.stores.filter(([seen]) => seen === name).map(([, one]) => one);
  }

  /** Names and stores of all that was not called with this store. */
  others(expected: string): unknown[] {
    return this.stores.filter(([, one]) => one !== expected);
  }

  get size(): number {
    return this.stores.length;
  }
}

export async function twoClients(handlers: ServeHandlers, options = {}) {
  const server = await store.run('bind', () => stage.serve({ maxInFlightOperations: 8, drainTimeoutMs: 1000 }));
  store.run('serve', () => server.serve(handlers, options)).catch(() => {});
  const [a, b] = await Promise.all([stage.connect(server), stage.connect(server)]);
  const [sessionA, sessionB] = await Promise.all([a.openSession(), b.openSession()]);
  return { server, a, b, sessionA, sessionB };
}
