import type { NnrpServer } from 'nnrp-runtime';
import type { LiveOperations } from '../live-operations.js';
import { shown } from './inspection.js';

const MOST = 100;

/** Something that went wrong. */
export interface RecentError {
  /** Counts up: a page knows by it what it has seen. */
  readonly number: number;
  /** By `Date.now`. */
  readonly atMs: number;
  readonly what: string;
  readonly sessionId: number;
  readonly text: string;
}

/** The last errors of a server, noted while an inspector page is open. */
export class RecentErrors {
  private readonly list: RecentError[] = [];
  private count = 0;
  private watchers = 0;
  private readonly listeners = {
    connectionLost: ({ remoteAddress, error }: Told) =>
      this.note('connection lost', 0, `${remoteAddress}: ${error?.message}`),
    sessionExpired: ({ sessionId, error }: Told) => this.note('session lost', sessionId, error?.message),
    protocolViolation: ({ sessionId, error }: Told) => this.note('protocol violation', sessionId, error?.message),
    sessionRefused: ({ remoteAddress, errorCode }: Told) =>
      this.note('session refused', 0, `${remoteAddress}: code ${errorCode}`),
  };

  constructor(
    private readonly server: NnrpServer,
    private readonly operations: LiveOperations,
  ) {}

  /** @returns ends it */
  watch(): () => void {
    if (this.watchers++ === 0) this.begin();
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      if (--this.watchers === 0) this.end();
    };
  }

  /** Those behind a number, the oldest first. */
  since(number: number): readonly RecentError[] {
    return this.list.filter((error) => error.number > number);
  }

  private begin(): void {
    for (const [name, listener] of Object.entries(this.listeners))
      this.server.on(name as 'connectionLost', listener as never);
    this.operations.onDrop = (sessionId, frameId, outcome) =>
      this.note('operation dropped', sessionId, `frame ${frameId}: ${outcome}`);
  }

  private end(): void {
    for (const [name, listener] of Object.entries(this.listeners))
      this.server.off(name as 'connectionLost', listener as never);
    this.operations.onDrop = undefined;
  }

  private note(what: string, sessionId = 0, text = ''): void {
    this.list.push({ number: ++this.count, atMs: Date.now(), what, sessionId, text: shown(text) });
    if (this.list.length > MOST) this.list.shift();
  }
}

/** What the events have, as far as it is shown. */
interface Told {
  readonly remoteAddress?: string;
  readonly sessionId?: number;
  readonly errorCode?: number;
  readonly error?: Error;
}
