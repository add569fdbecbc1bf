import { shownPlain, shownValue, shownWord, UsageError } from 'nnrp-core';
import { checkOptions } from '../../base/options.js';
import type { ClientTransportPolicy } from '../hello/transport-policy.js';
import type { NnrpClientOptions } from './client-config.js';

/** Options of a client that is given the address of its server as a URL, or several addresses. */
export interface PortableConnectOptions extends NnrpClientOptions {
  /** Of `nnrps://`, and of other encrypted transports. It is refused where no address is encrypted. */
  readonly tls?: object | undefined;
  /**
   * Of the transport of one scheme, such as `{ 'nnrp+quic': { idleTimeoutMs: 10_000 } }`; for that one they take the place of
   * `tls`.
   */
  readonly transports?: Readonly<Record<string, object>> | undefined;
  /**
   * Which of the addresses are tried, and in which order: `auto`, all in theirs; `{ prefer: 'quic' }`, those over QUIC first;
   * `{ force: 'quic' }`, no others. A kind that no address has is refused. Once it is set, a CLIENT_HELLO says it where
   * preview3 can (auto, quic, tcp); default auto.
   */
  readonly transportPolicy?: ClientTransportPolicy | undefined;
  /**
   * Connects by all addresses at once, and stays with the one whose TRANSPORT_PROBE takes the least time; the others are
   * closed. A server that knows no probes may end a connection over one: then the client connects once more, without it. Not
   * together with `prefer`; default false.
   */
  readonly measureTransports?: boolean | undefined;
}

/** What says which address is taken. */
export interface ChoiceOptions {
  /** Undefined where the application says nothing. */
  readonly transportPolicy: ClientTransportPolicy | undefined;
  readonly measureTransports: boolean;
}

/** Their names. */
export const CHOICE_OPTIONS = ['transportPolicy', 'measureTransports'] as const;

const WHAT = 'client configuration';
const POLICY_FIELDS: ReadonlySet<string> = new Set(['prefer', 'force']);

/** @throws UsageError on a value that an option does not take, and on two that contradict each other */
export function choiceOptions(config: PortableConnectOptions): ChoiceOptions {
  // What is no bag of options is refused with all others.
  if (typeof config !== 'object' || config === null) return { transportPolicy: undefined, measureTransports: false };
  const { transportPolicy, measureTransports = false } = config;
  if (typeof measureTransports !== 'boolean')
    throw new UsageError(`${WHAT}: measureTransports takes true or false, got ${shownPlain(measureTransports)}`);
  const policy = transportPolicy === undefined ? undefined : checkedPolicy(transportPolicy);
  if (measureTransports && typeof policy === 'object' && 'prefer' in policy)
    throw new UsageError(`${WHAT}: measureTransports takes the fastest address, so transportPolicy can prefer none`);
  return { transportPolicy: policy, measureTransports };
}

/** A copy that no later change reaches. */
function checkedPolicy(policy: ClientTransportPolicy): ClientTransportPolicy {
  const takes = "transportPolicy takes 'auto', { prefer: KIND } or { force: KIND }";
  if (policy === 'auto') return policy;
  if (typeof policy !== 'object' || policy === null)
    throw new UsageError(`${WHAT}: ${takes}, got ${shownWord(policy)}`);
  const { prefer, force } = checkOptions(`${WHAT}: transportPolicy`, policy, POLICY_FIELDS) as Record<string, unknown>;
  const [kind] = [prefer, force].filter((given) => given !== undefined);
  if (typeof kind !== 'string' || (prefer !== undefined && force !== undefined)) {
    const got = kind === undefined ? 'neither' : typeof kind === 'string' ? 'both' : shownValue(kind);
    throw new UsageError(`${WHAT}: ${takes}, got ${got}`);
  }
  return force === undefined ? { prefer: kind } : { force: kind };
}
