import {
  officialProviderId,
  ROUTE_TRANSPORT_IDS,
  type RoutePolicy,
  type RouteTransport,
  readApplicationEndpoint,
  readProviderEndpoint,
  selectRoute,
} from 'nnrp-runtime/transport';
import type { NamedVector } from './named-vector.js';

interface ProviderInput {
  readonly transport_id: number;
  readonly kind?: 'wasm';
  readonly available?: boolean;
  readonly max_frame_bytes?: number;
  readonly route_resolved?: boolean;
  readonly security_satisfied?: boolean;
  readonly cost_model_id?: number;
  readonly cost_units?: number;
}

interface SampleInput {
  readonly failed?: boolean;
  readonly elapsed_us: number;
  readonly rtt_us?: number;
  readonly bytes_sent?: number;
  readonly bytes_received?: number;
}

/** What is known of providers, and which is taken. */
export interface SelectionVector extends NamedVector {
  readonly input: {
    readonly providers: readonly ProviderInput[];
    readonly policy: RoutePolicy;
    readonly peer_supported: readonly number[];
    readonly requested_max_frame_bytes?: number;
    readonly probes?: readonly { readonly transport_id: number; readonly samples: readonly SampleInput[] }[];
  };
  readonly result: object;
}

/** A URI, and what is in it. */
export interface EndpointVector extends NamedVector {
  readonly kind: 'application' | 'provider';
  readonly value: string;
  readonly fields?: object;
  readonly error?: string;
}

const BY_ID = new Map(Object.entries(ROUTE_TRANSPORT_IDS).map(([name, id]) => [id, name as RouteTransport]));
const transport = (id: number) => BY_ID.get(id)!;

/** The candidates with their ranks and rejections, and the one that is taken. */
export function runSelection({ input }: SelectionVector): unknown {
  const idOf = ({ transport_id, kind }: ProviderInput) => officialProviderId(transport(transport_id), kind);
  const probed = (id: number) => idOf(input.providers.find(({ transport_id }) => transport_id === id)!);
  const selection = selectRoute(
    input.providers.map((provider) => ({
      id: idOf(provider),
      transport: transport(provider.transport_id),
      isAvailable: provider.available,
      maxFrameBytes: provider.max_frame_bytes,
      isRouteResolved: provider.route_resolved,
      isSecuritySatisfied: provider.security_satisfied,
      costModelId: provider.cost_model_id,
      costUnits: provider.cost_units,
    })),
    {
      policy: input.policy,
      peerSupported: input.peer_supported.map(transport),
      requestedMaxFrameBytes: input.requested_max_frame_bytes,
      probes: new Map(
        input.probes?.map(({ transport_id, samples }) => [
          probed(transport_id),
          samples.map(({ failed, elapsed_us, rtt_us, bytes_sent, bytes_received }) => ({
            failed,
            elapsedUs: elapsed_us,
            roundTripUs: rtt_us,
            bytesSent: bytes_sent,
            bytesReceived: bytes_received,
          })),
        ]),
      ),
    },
  );
  const { selected, error } = selection;
  return {
    candidates: selection.candidates.map(({ transport: name, providerId, rank = null, rejection = null }) => ({
      transport_id: ROUTE_TRANSPORT_IDS[name],
      provider_id: providerId,
      rank,
      rejection,
    })),
    ...(selected && { selected: ROUTE_TRANSPORT_IDS[selected.transport] }),
    ...(error && { error }),
  };
}

/** What is in the URI, or why it is none. */
export function runEndpoint({ kind, value }: EndpointVector): unknown {
  return kind === 'application' ? shownApplication(value) : shownProvider(value);
}

function shownApplication(value: string): unknown {
  const read = readApplicationEndpoint(value);
  if (typeof read === 'string') return read;
  const { authority, pathAndQuery, host, port, isSecure } = read;
  return { authority, path_and_query: pathAndQuery, host, port, secure: isSecure };
}

function shownProvider(value: string): unknown {
  const read = readProviderEndpoint(value);
  return typeof read === 'string' ? read : { scheme: read.scheme, secure: read.isSecure };
}
