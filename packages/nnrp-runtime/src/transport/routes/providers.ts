/** A transport that a route may take. */
export type RouteTransport = 'quic' | 'tcp' | 'ipc' | 'websocket';

/** The transports by the numbers that the wire has for them (`transport_id`). */
export const ROUTE_TRANSPORT_IDS: Readonly<Record<RouteTransport, number>> = { quic: 1, tcp: 2, ipc: 3, websocket: 4 };

/** What carries a route. */
export interface TransportProvider {
  /** Such as `nnrp.transport.tcp.native`. */
  readonly id: string;
  readonly transport: RouteTransport;
  /** Whether it can be used here; default true. */
  readonly isAvailable?: boolean | undefined;
  /** Longest packet that it carries, in bytes; default 64 MiB. */
  readonly maxFrameBytes?: number | undefined;
  /** What using it costs. Units are compared within one model alone, and model 0 says nothing. Default 0. */
  readonly costModelId?: number | undefined;
  readonly costUnits?: number | undefined;
  /** Lower is taken first, where nothing that was measured decides; default that of its transport. */
  readonly rank?: number | undefined;
}

/** Where nothing that was measured decides: what is closest first. */
const RANKS: Readonly<Record<RouteTransport, number>> = { ipc: 0, quic: 1, tcp: 2, websocket: 3 };

/** The rank of a provider. */
export function rankOf({ rank, transport }: TransportProvider): number {
  return rank ?? RANKS[transport];
}

/** The official id of a transport's provider: of programs, or of pages in browsers, which have WebSocket alone. */
export function officialProviderId(transport: RouteTransport, kind: 'native' | 'wasm' = 'native'): string {
  return kind === 'wasm' ? `nnrp.transport.${transport}.browser-wasm` : `nnrp.transport.${transport}.native`;
}
