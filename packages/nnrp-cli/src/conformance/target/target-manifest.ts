import { officialProviderId, type RouteTransport } from 'nnrp-runtime/transport';
import type { JsonObject } from '../../json/json-object.js';
import { PROTOCOL_VERSION, SUITE_VERSION } from '../protocol.js';
import type { Carrier, GivenManifest } from './given-manifest.js';
import { SERVER_NAME } from './target-identity.js';

/** Files of the certificate, relative to the manifest. */
export interface TargetFiles {
  readonly certificate: string;
  readonly privateKey: string;
}

/** The token of the scenarios of openai-compatible/1. */
export const OPEN_AI = 'profile.openai-compatible.level1.wire';

/** The tokens of the frame scenarios. */
const CAPABILITIES = [
  'control.cancel_abort',
  'control.result_drop_reason',
  'control.trace_context',
  'control.deadline_expire',
  'control.priority_update',
  'control.progress_partial',
  'control.credit_backpressure',
  'object.lifecycle',
  'control.capability_costs',
  'control.route_execution_hint',
  'cache.reference',
  'control.degrade_profile',
  'control.budget_update',
  OPEN_AI,
];
const HOST_ROUTES = 'host.routes';
const DEFAULT_NAME = 'nnrp-typescript';

/** What `nnrp conformance-driver` can do, of each transport. */
const SECURITY_MODES: Readonly<Record<RouteTransport, readonly string[]>> = {
  tcp: ['plain', 'tls_server_auth'],
  quic: ['tls_server_auth'],
  ipc: ['plain'],
  websocket: ['plain', 'wss'],
};

/** What the suite reads before it starts. @param hasHostRoutes - whether the suite is to start the driver, too */
export function targetManifest(
  targetName: string | undefined,
  endpoints: ReadonlyMap<Carrier, string>,
  files: TargetFiles,
  hasHostRoutes: boolean,
): object {
  const providers = Object.entries(SECURITY_MODES).map(([transport, modes]) => ({
    transport,
    provider_id: officialProviderId(transport as RouteTransport),
    installed: true,
    platforms: ['native'],
    security_modes: modes,
  }));
  const security = {
    server_name: SERVER_NAME,
    trusted_certificate_der_path: files.certificate,
    certificate_der_path: files.certificate,
    private_key_pkcs8_der_path: files.privateKey,
  };
  return {
    target_name: targetName ?? DEFAULT_NAME,
    protocol_version: PROTOCOL_VERSION,
    suite_version: SUITE_VERSION,
    wire_conformance: {
      modes: ['suite_as_client', 'suite_as_server', 'suite_as_proxy'],
      transports: [...endpoints].map(([name, endpoint]) =>
        name === 'quic' ? { name, endpoint, tls: true, security } : { name, endpoint, tls: false },
      ),
      ...(hasHostRoutes && { host_route_providers: providers }),
      capabilities: hasHostRoutes ? [...CAPABILITIES, HOST_ROUTES] : CAPABILITIES,
      limits: { max_frame_bytes: 67_108_864, max_in_flight: 256 },
    },
  };
}

/** One that was there, with what has come of it: ports that were free, another name, no routes where they are not wanted. */
export function renewedManifest(
  { json, wire }: GivenManifest,
  targetName: string | undefined,
  endpoints: ReadonlyMap<Carrier, string>,
  hasHostRoutes: boolean,
): object {
  const { transports, ...others } = wire;
  const renewed = {
    ...wire,
    transports: (transports as readonly { readonly name: Carrier }[]).map((transport) => ({
      ...transport,
      endpoint: endpoints.get(transport.name),
    })),
  };
  const {
    host_route_providers: _,
    capabilities,
    ...rest
  } = { ...others, transports: renewed.transports } as JsonObject;
  const claimed = Array.isArray(capabilities) ? (capabilities as unknown[]) : [];
  return {
    ...json,
    ...(targetName !== undefined && { target_name: targetName }),
    wire_conformance: hasHostRoutes
      ? renewed
      : { ...rest, capabilities: claimed.filter((token) => token !== HOST_ROUTES) },
  };
}
