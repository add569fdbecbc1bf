import { readFileSync } from 'node:fs';
import {
  officialProviderId,
  ROUTE_TRANSPORT_IDS,
  type RoutePolicy,
  type RouteTransport,
  readApplicationEndpoint,
  readProviderEndpoint,
  selectRoute,
} from 'nnrp-runtime/transport';
import { describe, expect, it } from 'vitest';

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

interface SelectionVector {
  readonly name: string;
  readonly input: {
    readonly providers: readonly ProviderInput[];
    readonly policy: RoutePolicy;
    readonly peer_supported: readonly number[];
    readonly requested_max_frame_bytes?: number;
    readonly probes?: readonly { readonly transport_id: number; readonly samples: readonly SampleInput[] }[];
  };
  readonly result: object;
}

interface EndpointVector {
  readonly name: string;
  readonly kind: 'application' | 'provider';
  readonly value: string;
  readonly fields?: object;
  readonly error?: string;
}

const vectors = JSON.parse(readFileSync(new URL('../../../spec/preview4/vectors.json', import.meta.url), 'utf8')) as {
  readonly selection: readonly SelectionVector[];
  readonly endpoints: readonly EndpointVector[];
};

const BY_ID = new Map(Object.entries(ROUTE_TRANSPORT_IDS).map(([name, id]) => [id, name as RouteTransport]));
const transport = (id: number) => BY_ID.get(id)!;

describe.each(vectors.selection)('$name', ({ input, result }) => {
  it('rates the candidates and takes one', () => {
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
    expect({
      candidates: selection.candidates.map(({ transport, providerId, rank = null, rejection = null }) => ({
        transport_id: ROUTE_TRANSPORT_IDS[transport],
        provider_id: providerId,
        rank,
        rejection,
      })),
      ...(selected && { selected: ROUTE_TRANSPORT_IDS[selected.transport] }),
      ...(error && { error }),
    }).toEqual(result);
  });
});

describe.each(vectors.endpoints)('$name $value', ({ kind, value, fields, error }) => {
  it('is read, or refused for the first reason', () => {
    expect(kind === 'application' ? shownApplication(value) : shownProvider(value)).toEqual(error ?? fields);
  });
});

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
