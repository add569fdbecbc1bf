import { ignoreRejectionsWithin, shownWord, UsageError } from 'nnrp-core';
import { isObject } from '../../base/json.js';

/** Names and values that go beside the body of a call, such as `traceparent` of W3C Trace Context. */
export type CallMetadata = Readonly<Record<string, string>>;

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const MAX_ENTRIES = 64;
const MAX_VALUE_LENGTH = 8192;

export const NO_METADATA: CallMetadata = Object.freeze(Object.create(null));

/**
 * A copy, without a prototype: a name that is not there reads undefined, whatever it is.
 *
 * @returns what is wrong, as text, when the names or values are none of metadata
 */
export function readMetadata(given: unknown): CallMetadata | string {
  if (given === undefined) return NO_METADATA;
  if (!isObject(given)) return 'metadata takes an object of texts';
  const entries = Object.entries(given).filter(([, value]) => value !== undefined);
  if (entries.length > MAX_ENTRIES) return `metadata takes at most ${MAX_ENTRIES} names, got ${entries.length}`;
  const metadata: Record<string, string> = Object.create(null);
  for (const [name, value] of entries) {
    if (!NAME.test(name)) {
      return `metadata takes names of 1 to 128 letters, digits, '.', '_' and '-', got ${shownWord(name)}`;
    }
    // The value may be a secret, so the message has none of it.
    if (typeof value !== 'string' || value.length > MAX_VALUE_LENGTH) {
      return `metadata takes texts of at most ${MAX_VALUE_LENGTH} characters, and that of ${name} is none`;
    }
    metadata[name] = value;
  }
  return metadata;
}

/** The same of the application itself. @throws UsageError when something is wrong */
export function givenMetadata(what: string, given: unknown): CallMetadata {
  const metadata = readMetadata(given);
  if (typeof metadata === 'string') {
    ignoreRejectionsWithin(given);
    throw new UsageError(`${what}: ${metadata}`);
  }
  return metadata;
}

/** As it stands in an envelope, which has none where there is none. */
export function metadataMember(metadata: CallMetadata): { readonly metadata?: CallMetadata } {
  for (const _name in metadata) return { metadata };
  return {};
}
