import { shownPlain, UsageError } from 'nnrp-core';
import type { Complete } from '../base/options.js';
import { readOptions } from '../base/options.js';

export interface MemoryOptions {
  /** Bytes in flight above which a sender is told to wait; default 1 MiB. */
  readonly highWaterBytes?: number | undefined;
}

const OPTIONS: ReadonlySet<string> = new Set<keyof MemoryOptions>(['highWaterBytes']);

const DEFAULT_HIGH_WATER_BYTES = 1024 * 1024;

export function memoryOptions(options: MemoryOptions): Complete<MemoryOptions> {
  const { highWaterBytes = DEFAULT_HIGH_WATER_BYTES } = readOptions('memory options', options, OPTIONS);
  if (Number.isSafeInteger(highWaterBytes) && highWaterBytes >= 1) return { highWaterBytes };
  throw new UsageError(`highWaterBytes: expected an integer of at least 1, got ${shownPlain(highWaterBytes)}`);
}
