import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Something that must not happen. */
export interface Violation {
  readonly kind: string;
  readonly detail: string;
}

/** Kept of each kind per conversation: one that goes wrong goes wrong again and again, and must not hide another kind. */
const MAX_KEPT_OF_A_KIND = 5;

/** What has been seen of it. */
export class Violations {
  private readonly seen: Violation[] = [];

  /** @param thing - an error, or text */
  add(kind: string, thing: unknown): void {
    const kept = this.seen.filter((violation) => violation.kind === kind).length;
    if (kept < MAX_KEPT_OF_A_KIND) this.seen.push({ kind, detail: textOf(thing) });
  }

  /** What has been seen since the last call. */
  take(): Violation[] {
    return this.seen.splice(0);
  }
}

/** Everything that must not happen anywhere in the process. */
export class ProcessWatch extends Violations {
  /** @param patienceMs - so long may anything take that has to happen */
  constructor(readonly patienceMs = 8000) {
    super();
    process.on('uncaughtException', (error) => this.add('uncaughtException', error));
    process.on('unhandledRejection', (error) => this.add('unhandledRejection', error));
    process.on('warning', (warning) => {
      if (warning.name === 'NnrpWarning') this.add('warning', warning);
    });
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
