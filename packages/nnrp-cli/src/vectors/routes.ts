import {
  officialProviderId,
  ROUTE_TRANSPORT_IDS,
  type RouteCandidate,
  type RoutePolicy,
  type RouteTransport,
  readApplicationEndpoint,
  readProviderEndpoint,
  selectRoute,
} from 'nnrp-runtime/transport';
import type { JsonObject } from '../json/json-object.js';
import { MAX_U32, type Members, membersAt } from './members.js';

const TRANSPORTS = Object.keys(ROUTE_TRANSPORT_IDS) as readonly RouteTransport[];
const TRANSPORT_IDS = Object.values(ROUTE_TRANSPORT_IDS);
const POLICIES: readonly RoutePolicy[] = [
  'auto',
  ...TRANSPORTS.flatMap((name): RoutePolicy[] => [`prefer_${name}`, `force_${name}`]),
];
const MAX_SAFE = Number.MAX_SAFE_INTEGER;

/** Chooses a route. @param request - with `input` @throws RequestError for what is no input */
export function select(request: Members): JsonObject {
  const input = request.members('input');
  const providers = input.list('providers', membersAt(providerOf));
  const peerSupported = input.list('peer_supported', transportAt, TRANSPORTS);
  const terms = {
    policy: input.oneOf('policy', POLICIES, 'auto'),
    peerSupported,
    requestedMaxFrameBytes: input.number('requested_max_frame_bytes', MAX_SAFE, 0),
    probes: new Map(
      input
        .list('probes', membersAt(probeOf), [])
        .map(({ transport, samples }) => [
          providers.find((provider) => provider.transport === transport)?.id ?? officialProviderId(transport),
          samples,
        ]),
    ),
  };
  input.end();
  const { candidates, selected, error } = selectRoute(providers, terms);
  return {
    result: {
      candidates: candidates.map(({ transport, providerId, rank = null, rejection = null }) => {
        return { transport_id: ROUTE_TRANSPORT_IDS[transport], provider_id: providerId, rank, rejection };
      }),
      ...(selected && { selected: ROUTE_TRANSPORT_IDS[selected.transport] }),
      ...(error && { error }),
    },
  };
}

function providerOf(provider: Members): RouteCandidate {
  const transport = transportIn(provider);
  const kind = provider.oneOf('kind', ['native', 'wasm'] as const, 'native');
  return {
    id: provider.has('provider_id') ? provider.text('provider_id') : officialProviderId(transport, kind),
    transport,
    isAvailable: provider.flag('available', true),
    ...(provider.has('max_frame_bytes') && { maxFrameBytes: provider.number('max_frame_bytes', MAX_SAFE) }),
    ...(provider.has('rank') && { rank: provider.number('rank', MAX_U32) }),
    isRouteResolved: provider.flag('route_resolved', true),
    isSecuritySatisfied: provider.flag('security_satisfied', true),
    costModelId: provider.number('cost_model_id', MAX_U32, 0),
    costUnits: provider.number('cost_units', MAX_SAFE, 0),
  };
}

function probeOf(probe: Members) {
  const transport = transportIn(probe);
  const samples = probe.list(
    'samples',
    membersAt((sample) => {
      const hasTimedOut = sample.flag('timed_out', false);
      const failed = sample.flag('failed', false) || hasTimedOut;
      const roundTripUs = sample.has('rtt_us') ? sample.number('rtt_us', MAX_SAFE) : undefined;
      return {
        failed,
        elapsedUs: sample.number('elapsed_us', MAX_SAFE, 0),
        roundTripUs,
        bytesSent: sample.number('bytes_sent', MAX_SAFE, 0),
        bytesReceived: sample.number('bytes_received', MAX_SAFE, 0),
      };
    }),
  );
  return { transport, samples };
}

function transportIn(members: Members): RouteTransport {
  return named(members.oneOf('transport_id', TRANSPORT_IDS));
}

function transportAt(value: unknown, path: string): RouteTransport {
  return membersAt(transportIn)({ transport_id: value }, path);
}

function named(id: number): RouteTransport {
  return TRANSPORTS.find((name) => ROUTE_TRANSPORT_IDS[name] === id) as RouteTransport;
}

/** Reads an endpoint. @param request - with `value`, and `kind` application or provider */
export function endpoint(request: Members): JsonObject {
  const kind = request.oneOf('kind', ['application', 'provider'] as const);
  const value = request.text('value');
  if (kind === 'application') {
    const read = readApplicationEndpoint(value);
    if (typeof read === 'string') return { error: read };
    // What is not there is null, as everywhere in vectors.
    const { authority, pathAndQuery, host, port = null, isSecure } = read;
    return { fields: { authority, path_and_query: pathAndQuery, host, port, secure: isSecure } };
  }
  const read = readProviderEndpoint(value);
  return typeof read === 'string' ? { error: read } : { fields: { scheme: read.scheme, secure: read.isSecure } };
}
