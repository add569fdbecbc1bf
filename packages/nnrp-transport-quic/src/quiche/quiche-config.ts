import { UsageError } from 'nnrp-core';
import type { ClientSettings, ConnectionSettings, PemCredentials, ServerSettings } from '../engine.js';
import { type QuicheConfig, quiche } from './binding.js';

/** Name of NNRP over QUIC, agreed on by ALPN. @see NNRP/1-preview3 section 2 */
export const QUIC_ALPN = 'nnrp/1';

const MAX_UDP_PAYLOAD_BYTES = 65_527;
/** Ids that a peer may give out: one to begin with, and one for each change of its address. */
const MAX_IDS = 8;
const LOOPBACK = /^(::ffff:)?127\.|^::1$/;

type Sizes = Pick<ConnectionSettings, 'maxDatagramBytes' | 'maxLoopbackDatagramBytes'>;

/** The configurations of an endpoint: datagrams may be larger where no network is in between. Made when needed. */
export class QuicheConfigs {
  private loopback: QuicheConfig | undefined;
  private remote: QuicheConfig | undefined;

  private constructor(
    private readonly make: (datagramBytes: number) => QuicheConfig,
    private readonly sizes: Sizes,
  ) {}

  static ofServer(settings: ServerSettings): QuicheConfigs {
    const { clientCertificates, clientRoots, credentials } = settings;
    const tls = () => {
      const config = withTls(clientCertificates !== 'none', clientRoots, credentials);
      // Until now it insists on a certificate; with this it only insists that the one it gets is valid.
      if (clientCertificates === 'request') config.verifyPeer(true);
      return config;
    };
    return new QuicheConfigs((bytes) => configure(tls(), settings, 1, bytes), sizesOf(settings));
  }

  static ofClient(settings: ClientSettings): QuicheConfigs {
    const { verify, roots, credentials } = settings;
    const tls = () => withTls(verify, roots, credentials);
    return new QuicheConfigs((bytes) => configure(tls(), settings, 0, bytes), sizesOf(settings));
  }

  /** @param host - IP address of the peer. @throws UsageError when the library refuses the credentials */
  for(host: string): QuicheConfig {
    if (LOOPBACK.test(host)) {
      this.loopback ??= this.make(this.sizes.maxLoopbackDatagramBytes);
      return this.loopback;
    }
    this.remote ??= this.make(this.sizes.maxDatagramBytes);
    return this.remote;
  }
}

/** The rest of the settings, with the private key in it, is for the library alone. */
function sizesOf({ maxDatagramBytes, maxLoopbackDatagramBytes }: ConnectionSettings): Sizes {
  return { maxDatagramBytes, maxLoopbackDatagramBytes };
}

/** @param peerStreams - how many the peer may open */
function configure(
  config: QuicheConfig,
  settings: ConnectionSettings,
  peerStreams: number,
  datagramBytes: number,
): QuicheConfig {
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
  config.setActiveConnectionIdLimit(MAX_IDS);
  return config;
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
