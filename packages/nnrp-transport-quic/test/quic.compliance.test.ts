import { transportCompliance } from 'nnrp-runtime/testing';
import { describe, it } from 'vitest';
import { QuicConnector, QuicFramedListener, QuicServerEndpointConfig } from '../src/index.js';

const stallTimeoutMs = 1000;
const ADDRESSES = { IPv4: '127.0.0.1:0', IPv6: '[::1]:0' };

for (const [family, address] of Object.entries(ADDRESSES)) {
  describe(`QUIC over ${family}`, () => {
    const cases = transportCompliance({
      stallTimeoutMs,
      async listen() {
        const { config, certificate } = QuicServerEndpointConfig.selfSignedLocalhost(address, { stallTimeoutMs });
        const listener = await QuicFramedListener.bind(config);
        const connector = new QuicConnector(listener.address, { roots: certificate.certificateDer, stallTimeoutMs });
        return { listener, connect: () => connector.connect(), close: () => listener.close() };
      },
    });
    for (const { name, run } of cases) it(name, run);
  });
}
