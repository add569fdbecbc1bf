import type { QuicTransportOptions } from './endpoint-options.js';

/** What servers and clients are told of their transport over TCP goes for QUIC too, unless the endpoint says otherwise. */
export function transportDefaults(config: QuicTransportOptions): QuicTransportOptions {
  const { highWaterBytes, maxPacketBytes, stallTimeoutMs } = config;
  return {
    ...(highWaterBytes !== undefined && { highWaterBytes }),
    ...(maxPacketBytes !== undefined && { maxPacketBytes }),
    ...(stallTimeoutMs !== undefined && { stallTimeoutMs }),
  };
}
