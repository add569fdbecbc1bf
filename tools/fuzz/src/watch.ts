import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Something that must not happen. */
export interface Violation {
  readonly kind: string;
  readonly detail: string;
}

/** Kept per conversation; one that goes wrong goes wrong again and again. */
const MAX_KEPT = 20;

/** Everything that must not happen anywhere in the process. */
export class ProcessWatch {
  private readonly seen: Violation[] = [];

  /** @param patienceMs - so long may anything take that has to happen */
  constructor(readonly patienceMs = 8000) {
    process.on('uncaughtException', (error) => this.add('uncaughtException', error));
    process.on('unhandledRejection', (error) => this.add('unhandledRejection', error));
    process.on('warning', (warning) => {
      if (warning.name === 'NnrpWarning') this.add('warning', warning);
    });
  }

  /** @param thing - an error, or text */
  add(kind: string, thing: unknown): void {
    if (this.seen.length < MAX_KEPT) this.seen.push({ kind, detail: textOf(thing) });
  }

  /** What has been seen since the last call. */
  take(): Violation[] {
    return this.seen.splice(0);
  }
}

export function textOf(thing: unknown): string {
  return thing instanceof Error ? (thing.stack ?? String(thing)) : String(thing);
}

let collect: (() => void) | undefined;

/** Bytes in use once everything that can be has been collected. */
export function heapBytes(): number {
  if (collect === undefined) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  collect();
  collect();
  return process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
}
