import { shownValue, UsageError } from 'nnrp-core';
import { type PeerIdentity, readOptions } from 'nnrp-runtime/transport';

/** What each field has to be; undefined where anything will do. */
const FIELDS: Readonly<Record<keyof PeerIdentity, readonly [expected: string, is: (value: unknown) => boolean]>> = {
  authorized: ['true or false', (value) => typeof value === 'boolean'],
  authorizationError: ['a string', isString],
  subject: ['a string', isString],
  subjectAltNames: ['a string', isString],
  fingerprint256: ['a string', isString],
  certificateDer: ['a Uint8Array', (value) => value instanceof Uint8Array],
  alpn: ['a string', isString],
  protocol: ['a string', isString],
  claims: ['anything', () => true],
};

const KNOWN: ReadonlySet<string> = new Set(Object.keys(FIELDS));

/**
 * What the application has found out about a peer, as the session policy sees it.
 *
 * @throws UsageError when it is no object, or has a field that an identity does not have or not in that form: a policy that asks
 * for `authorized` must not be misled by a word
 */
export function identityFrom(answer: unknown): PeerIdentity | undefined {
  if (answer === undefined) return undefined;
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer))
    throw new UsageError(`identify: expected an object, false or undefined, got ${shownValue(answer)}`);
  const given = readOptions('identify (what is your own goes into claims)', answer as Partial<PeerIdentity>, KNOWN);
  for (const [field, [expected, is]] of Object.entries(FIELDS)) {
    const value: unknown = given[field as keyof PeerIdentity];
    if (value !== undefined && !is(value))
      throw new UsageError(`identify: ${field}: expected ${expected}, got ${shownValue(value)}`);
  }
  return Object.freeze({ authorized: true, ...given });
}

function isString(value: unknown): boolean {
  return typeof value === 'string';
}
