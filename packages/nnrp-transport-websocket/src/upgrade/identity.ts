import { shownValue, UsageError } from 'nnrp-core';
import { type OptionKind, optionTable, type PeerIdentity, readOptions, TRUTH } from 'nnrp-runtime/transport';

const TEXT: OptionKind = { takes: 'a string', fits: (value) => typeof value === 'string', shown: shownValue };
const BYTES: OptionKind = { takes: 'a Uint8Array', fits: isBytes, shown: shownValue };

const FIELDS = optionTable<PeerIdentity>({
  authorized: TRUTH,
  authorizationError: TEXT,
  subject: TEXT,
  subjectAltNames: TEXT,
  fingerprint256: TEXT,
  certificateDer: BYTES,
  alpn: TEXT,
  protocol: TEXT,
  claims: undefined,
});

/**
 * What the application has found out about a peer, as the session policy sees it.
 *
 * @throws UsageError when it is no object, or has a field that an identity does not have, or not in that form: a policy that asks
 * for `authorized` must not be misled by a word
 */
export function identityFrom(answer: unknown): PeerIdentity | undefined {
  if (answer === undefined) return undefined;
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer))
    throw new UsageError(`identify: expected an object, false or undefined, got ${shownValue(answer)}`);
  const given = readOptions('identify (what is your own goes into claims)', answer as Partial<PeerIdentity>, FIELDS);
  return Object.freeze({ authorized: true, ...given });
}

/** Also of another realm. */
function isBytes(value: unknown): boolean {
  return ArrayBuffer.isView(value) && Object.prototype.toString.call(value) === '[object Uint8Array]';
}
