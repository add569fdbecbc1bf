import { NnrpServer, preview3 } from 'nnrp-runtime';
import { TcpListener, TlsListener } from 'nnrp-runtime/transport';
import { QuicFramedListener, QuicServerEndpointConfig } from 'nnrp-transport-quic';
import { HANDLERS, POLICY } from '../targets/server-application.js';
import type { Addresses } from './addresses.js';
import { counting } from './counting.js';
import { SERVER_LIMITS } from './limits.js';
import type { Monitor } from './vitals.js';

const CONFIG = {
  ...SERVER_LIMITS,
  applicationPolicy: POLICY,
  supportedCacheObjects: Object.values(preview3.CacheObjectKind),
  backgroundResults: true,
  cacheLeases: true,
  schemaOverride: true,
};

/** Our server on every kind of socket, with one application. */
export async function attackedServer(monitor: Monitor): Promise<Addresses> {
  const any = '127.0.0.1:0';
  const { config, certificate } = QuicServerEndpointConfig.selfSignedLocalhost(any);
  const { certificateDer: certificateChain, privateKeyPkcs8Der: privateKey } = certificate;
  const { maxPacketBytes, highWaterBytes, stallTimeoutMs } = CONFIG;
  const limits = { maxPacketBytes, highWaterBytes, stallTimeoutMs };
  const listeners = [
    await TcpListener.bind(any, limits),
    await TlsListener.bind(any, { certificateChain, privateKey }, limits),
    await QuicFramedListener.bind(config, limits),
  ];
  const [tcp, tls, quic] = listeners.map((listener) => {
    return NnrpServer.fromListener(
      counting(listener, () => monitor.note('packets read')),
      CONFIG,
    );
  }) as [NnrpServer, NnrpServer, NnrpServer];
  for (const server of [tcp, tls, quic]) {
    server.on('internalError', ({ error }) => monitor.watch.add('internalError', error));
    server.on('protocolViolation', () => monitor.note('violations'));
    server.on('connectionLost', () => monitor.note('connections lost'));
    // Handlers fail on purpose; without a listener each would be a warning.
    server.on('handlerFailure', () => monitor.note('handlers that failed'));
    server
      .serve(HANDLERS, { maxConcurrentOperations: 64, maxQueuedOperations: 256 })
      .catch((error: unknown) => monitor.watch.add('serve', error));
  }
  return {
    tcp: tcp.localAddress,
    tls: tls.localAddress,
    quic: quic.localAddress,
    root: Buffer.from(certificateChain).toString('base64'),
  };
}
