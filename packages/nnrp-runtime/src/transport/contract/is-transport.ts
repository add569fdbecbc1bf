import { UsageError } from 'nnrp-core';
import { awaitHint } from '../../base/thenable.js';
import type { FramedTransport } from './contract.js';

const METHODS = ['start', 'send', 'pause', 'resume', 'close', 'abort'] as const;

/** @throws UsageError when something else is given for a transport, such as a bare socket, or it cannot be looked at */
export function checkTransport(what: string, value: unknown): asserts value is FramedTransport {
  const missing = METHODS.find((method) => !has(value, method));
  if (missing === undefined) return;
  throw new UsageError(
    `${what}: expected a FramedTransport, got ${kindOf(value)} without a method ${missing}${awaitHint(value)}`,
  );
}

function has(value: unknown, method: string): boolean {
  try {
    return typeof (value as Record<string, unknown>)[method] === 'function';
  } catch {
    return false;
  }
}

function kindOf(value: unknown): string {
  return value === null ? 'null' : typeof value === 'object' ? 'an object' : `a value of type ${typeof value}`;
}
