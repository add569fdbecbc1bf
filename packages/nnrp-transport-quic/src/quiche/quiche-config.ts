import { UsageError } from 'nnrp-core';
import type { ClientSettings, ConnectionSettings, PemCredentials, ServerSettings } from '../engine.js';
import { type QuicheConfig, quiche } from './binding.js';

/** Name of NNRP over QUIC, agreed on by ALPN. @see NNRP/1-preview3 section 2 */
export const QUIC_ALPN = 'nnrp/1';

/** The loopback interface takes datagrams of 64 KiB; at 16 KiB the costs of a datagram stop to matter. */
const LOOPBACK_DATAGRAM_BYTES = 16_384;
const MAX_UDP_PAYLOAD_BYTES = 65_527;

/** The two configurations of an endpoint: datagrams may be larger where no network is in between. */
export interface QuicheConfigs {
  readonly loopback: QuicheConfig;
  readonly remote: QuicheConfig;
}

/** Which configuration suits a peer. */
export function configFor(configs: QuicheConfigs, host: string): QuicheConfig {
  return /^(::ffff:)?127\.|^::1$/.test(host) ? configs.loopback : configs.remote;
}

/** @throws UsageError when the library refuses the credentials */
export function serverConfigs(settings: ServerSettings): QuicheConfigs {
  const asks = settings.clientCertificates !== 'none';
  return both(settings, 1, asks, settings.clientRoots, settings.credentials);
}

/** @throws UsageError when the library refuses the credentials */
export function clientConfigs(settings: ClientSettings): QuicheConfigs {
  return both(settings, 0, settings.verify, settings.roots, settings.credentials);
}

function both(
  settings: ConnectionSettings,
  peerStreams: number,
  verify: boolean,
  roots: string | undefined,
  credentials: PemCredentials | undefined,
): QuicheConfigs {
  const make = (datagramBytes: number) => {
    const config = withTls(verify, roots, credentials);
    config.setApplicationProtos([QUIC_ALPN]);
    // Loss recovery without pacing: CUBIC and Reno stall when what they plan for later leaves at once.
    config.setCcAlgorithmName('bbr');
    config.enablePacing(false);
    config.setMaxIdleTimeout(settings.idleTimeoutMs);
    config.setMaxRecvUdpPayloadSize(MAX_UDP_PAYLOAD_BYTES);
    config.setMaxSendUdpPayloadSize(datagramBytes);
    // A lost MAX_DATA frame is never sent again. With one stream, the stream's own limit does the same work.
    config.setInitialMaxData(Number.MAX_SAFE_INTEGER);
    config.setInitialMaxStreamDataBidiLocal(settings.streamWindowBytes);
    config.setInitialMaxStreamDataBidiRemote(settings.streamWindowBytes);
    config.setMaxStreamWindow(settings.maxStreamWindowBytes);
    config.setInitialMaxStreamsBidi(peerStreams);
    config.setInitialMaxStreamsUni(0);
    config.setInitialMaxStreamDataUni(0);
    config.setDisableActiveMigration(true);
    config.setActiveConnectionIdLimit(2);
    return config;
  };
  return { loopback: make(LOOPBACK_DATAGRAM_BYTES), remote: make(settings.maxDatagramBytes) };
}

function withTls(verify: boolean, roots: string | undefined, credentials: PemCredentials | undefined): QuicheConfig {
  const pem = (text: string) => new TextEncoder().encode(text);
  const { Config } = quiche();
  try {
    return Config.withBoringSslCtx(
      verify,
      false,
      roots === undefined ? null : pem(roots),
      credentials === undefined ? null : [pem(credentials.key)],
      credentials === undefined ? null : [pem(credentials.cert)],
      null,
    );
  } catch (error) {
    throw new UsageError(`certificateChain: the QUIC library refuses it: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
