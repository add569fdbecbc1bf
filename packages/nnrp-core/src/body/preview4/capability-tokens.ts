import { viewOf } from '../../bytes/view-of.js';
import type { WireFault } from '../../faults/fault.js';
import { WireError } from '../../faults/wire-error.js';
import { shownValue } from '../../text/shown-value.js';
import { strictUtf8 } from '../../text/utf8.js';

/**
 * The capability tokens that the protocol assigns, in the order of their bytes.
 * @see NNRP/1-preview4 section 11.3
 */
export const CAPABILITY_TOKENS = /* @__PURE__ */ Object.freeze([
  'cache.reference',
  'control.budget_update',
  'control.cancel_abort',
  'control.capability_costs',
  'control.credit_backpressure',
  'control.deadline_expire',
  'control.degrade_profile',
  'control.priority_update',
  'control.progress_partial',
  'control.recoverable_error',
  'control.result_drop_reason',
  'control.route_execution_hint',
  'control.supersede',
  'control.trace_context',
  'object.cost',
  'object.delta',
  'object.lifecycle',
  'object.ownership',
] as const);
export type CapabilityToken = (typeof CAPABILITY_TOKENS)[number];

const WHERE = 'CAPABILITY_TOKENS';
const TOKEN = /^[a-z0-9._-]+$/;
/** A token in an error is not longer than this. */
const SHOWN_CHARACTERS = 200;

/**
 * Checks the body of CAPABILITY_NEGOTIATION or DEGRADE_PROFILE, a list of tokens, without throwing. Peers of releases up
 * to 4.25 send other bodies, for which this is not called.
 *
 * @param bytes - the whole body
 * @param count - capability_count of the metadata
 * @returns the first fault: CAP-1 or CAP-2 for a body without count or a count without body, then token by token CAP-3 to
 *   CAP-6, invalid_capability_token, CAP-7 and CAP-8, and at last declared_length_mismatch for another count
 * @see NNRP/1-preview4 section 11.3
 */
export function checkCapabilityTokens(bytes: Uint8Array, count: number): WireFault | undefined {
  const read = readTokens(bytes, count);
  return Array.isArray(read) ? undefined : (read as WireFault);
}

/**
 * Decodes a list of tokens. Tokens that are not assigned pass, see {@link unknownCapabilityToken}.
 *
 * @throws WireError with what {@link checkCapabilityTokens} finds
 * @see NNRP/1-preview4 section 11.3
 */
export function decodeCapabilityTokens(bytes: Uint8Array, count: number): string[] {
  const read = readTokens(bytes, count);
  if (Array.isArray(read)) return read as string[];
  throw new WireError(read as WireFault, WHERE);
}

/**
 * Encodes a list of tokens, which it sorts.
 *
 * @param tokens - a to z, 0 to 9, `.`, `_` and `-`, each once
 * @returns new bytes; capability_count is the number of tokens
 * @throws WireError invalid_capability_token, or CAP-7 for a token that stands twice
 * @see NNRP/1-preview4 section 11.3
 */
export function encodeCapabilityTokens(tokens: readonly string[]): Uint8Array {
  for (const token of tokens) if (!isToken(token)) throw new WireError(invalidToken(token), WHERE);
  const sorted = [...tokens].sort();
  for (const [index, token] of sorted.entries()) {
    if (token === sorted[index - 1]) throw new WireError(brokenBody('CAP-7'), WHERE);
  }
  const bytes = new Uint8Array(sorted.reduce((sum, { length }) => sum + 2 + length, 0));
  let at = 0;
  for (const token of sorted) {
    bytes[at] = token.length;
    bytes[at + 1] = token.length >>> 8;
    for (let index = 0; index < token.length; index++) bytes[at + 2 + index] = token.charCodeAt(index);
    at += 2 + token.length;
  }
  return bytes;
}

/**
 * The fault of the first token that is neither assigned nor known otherwise.
 *
 * @param tokens - as {@link decodeCapabilityTokens} gives them
 * @param extensions - further tokens that both sides know
 * @see NNRP/1-preview4 section 11.3
 */
export function unknownCapabilityToken(
  tokens: readonly string[],
  extensions: readonly string[] = [],
): WireFault | undefined {
  const known: readonly string[] = CAPABILITY_TOKENS;
  const token = tokens.find((candidate) => !known.includes(candidate) && !extensions.includes(candidate));
  return token === undefined ? undefined : { kind: 'unknown_capability_token', token: shown(token) };
}

function readTokens(bytes: Uint8Array, count: number): string[] | WireFault {
  if (count === 0 && bytes.length > 0) return brokenBody('CAP-1');
  if (count !== 0 && bytes.length === 0) return brokenBody('CAP-2');
  const tokens: string[] = [];
  const view = viewOf(bytes);
  let previous = '';
  let total = 0;
  for (let at = 0; at < bytes.length; ) {
    if (bytes.length - at < 2) return brokenBody('CAP-3');
    const length = view.getUint16(at, true);
    if (length === 0) return brokenBody('CAP-4');
    const end = at + 2 + length;
    if (end > bytes.length) return brokenBody('CAP-5');
    const token = strictUtf8(bytes.subarray(at + 2, end));
    if (token === undefined) return brokenBody('CAP-6');
    if (!isToken(token)) return invalidToken(token);
    if (token === previous) return brokenBody('CAP-7');
    if (token < previous) return brokenBody('CAP-8');
    // Of more tokens than were announced only the number counts.
    if (tokens.length <= count) tokens.push(token);
    previous = token;
    at = end;
    total += 1;
  }
  if (total === count) return tokens;
  return { kind: 'declared_length_mismatch', field: 'capability_count', declared: count, actual: total };
}

function isToken(token: unknown): token is string {
  return typeof token === 'string' && token.length <= 0xffff && TOKEN.test(token);
}

function invalidToken(token: string): WireFault {
  return { kind: 'invalid_capability_token', token: shown(token) };
}

function shown(token: unknown): string {
  return typeof token === 'string' ? token.slice(0, SHOWN_CHARACTERS) : shownValue(token);
}

function brokenBody(rule: string): WireFault {
  return { kind: 'invalid_capability_body', rule };
}
