import type * as preview3 from 'nnrp-core/preview3';
import { encodeHelloExtension, TransportId, TransportPolicy } from 'nnrp-core/preview3';
import type { TransportKind } from '../../transport/contract/contract.js';

/**
 * Which of several addresses a client takes, by the kind of their transports: `tcp` (with TLS or without), `quic`, `websocket`,
 * `ipc`, or that of a transport of one's own.
 */
export type ClientTransportPolicy = 'auto' | { readonly prefer: TransportKind } | { readonly force: TransportKind };

/** The kinds for which preview3 has policies. */
const KINDS = new Map<TransportKind, { readonly id: number; readonly prefer: number; readonly force: number }>([
  ['quic', { id: TransportId.Quic, prefer: TransportPolicy.PreferQuic, force: TransportPolicy.ForceQuic }],
  ['tcp', { id: TransportId.Tcp, prefer: TransportPolicy.PreferTcp, force: TransportPolicy.ForceTcp }],
]);

/**
 * The transport_policy of a CLIENT_HELLO.
 *
 * @returns undefined where preview3 has none, as for WebSocket
 */
export function policyExtension(policy: ClientTransportPolicy): preview3.ControlExtension | undefined {
  if (policy === 'auto') return encoded(TransportPolicy.Auto, TransportId.Unspecified);
  const [verb, kind] = 'force' in policy ? (['force', policy.force] as const) : (['prefer', policy.prefer] as const);
  const known = KINDS.get(kind);
  return known === undefined ? undefined : encoded(known[verb], known.id);
}

/** The extensions of a hello with the policy, unless the application says one there. */
export function withPolicy(
  extensions: readonly preview3.ControlExtension[] = [],
  policy: preview3.ControlExtension | undefined,
): readonly preview3.ControlExtension[] {
  const isSaid = policy === undefined || extensions.some(({ type }) => type === policy.type);
  return isSaid ? extensions : [policy, ...extensions];
}

function encoded(policy: number, preferredTransportId: number): preview3.ControlExtension {
  return encodeHelloExtension({ kind: 'transport_policy', policy, preferredTransportId });
}
