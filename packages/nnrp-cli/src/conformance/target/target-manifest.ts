import { officialProviderId, type RouteTransport } from 'nnrp-runtime/transport';
import { PROTOCOL_VERSION, SUITE_VERSION } from '../protocol.js';
import { SERVER_NAME } from './target-identity.js';

/** Where a target is found. */
export interface TargetPlaces {
  /** HOST:PORT. */
  readonly tcp: string;
  readonly quic: string;
  /** A URL. */
  readonly ipc: string;
  readonly websocket: string;
}

/** Files of the certificate, relative to the manifest. */
export interface TargetFiles {
  readonly certificate: string;
  readonly privateKey: string;
}

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
  'profile.openai-compatible.level1.wire',
];

/** What `nnrp conformance-driver` can do, of each transport. */
const SECURITY_MODES: Readonly<Record<RouteTransport, readonly string[]>> = {
  tcp: ['plain', 'tls_server_auth'],
  quic: ['tls_server_auth'],
  ipc: ['plain'],
  websocket: ['plain', 'wss'],
};

/** What the suite reads before it starts. @param hasHostRoutes - whether the suite is to start the driver, too */
export function targetManifest(
  targetName: string,
  places: TargetPlaces,
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
    target_name: targetName,
    protocol_version: PROTOCOL_VERSION,
    suite_version: SUITE_VERSION,
    wire_conformance: {
      modes: ['suite_as_client', 'suite_as_server', 'suite_as_proxy'],
      transports: [
        { name: 'tcp', endpoint: places.tcp, tls: false },
        { name: 'quic', endpoint: places.quic, tls: true, security },
        { name: 'ipc', endpoint: places.ipc, tls: false },
        { name: 'websocket', endpoint: places.websocket, tls: false },
      ],
      ...(hasHostRoutes && { host_route_providers: providers }),
      capabilities: hasHostRoutes ? [...CAPABILITIES, 'host.routes'] : CAPABILITIES,
      limits: { max_frame_bytes: 67_108_864, max_in_flight: 256 },
    },
  };
}
