import tls from 'node:tls';
import { describe, expect, it } from 'vitest';
import { transportCompliance } from '../../../src/testing/index.js';
import { TlsConnector, TlsListener } from '../../../src/transport/tls/tls.js';
import { issue } from '../../support/certificates.js';

const stallTimeoutMs = 1000;
const server = await issue({ name: 'CN=server', ips: ['127.0.0.1'] });

for (const version of ['TLSv1.3', 'TLSv1.2'] as const) {
  describe(`${version} over TCP`, () => {
    const cases = transportCompliance({
      stallTimeoutMs,
      async listen() {
        const listener = await bound(version);
        const roots = server.certificate;
        const connector = new TlsConnector(listener.address, { roots, minVersion: 'TLSv1.2' }, { stallTimeoutMs });
        return {
          listener,
          connect: () => connector.connect(),
          close: () => listener.close(),
        };
      },
    });
    for (const { name, run } of cases) it(name, run);

    it('is what it says', async () => {
      const listener = await bound(version);
      const connector = new TlsConnector(listener.address, { roots: server.certificate, minVersion: 'TLSv1.2' });
      const [near, far] = await Promise.all([connector.connect(), listener.accept()]);
      expect(far.peerIdentity?.protocol).toBe(version);
      near.abort();
      await listener.close();
    });
  });
}

/** A listener that speaks this version and no later one, which no option asks for. */
async function bound(version: 'TLSv1.2' | 'TLSv1.3'): Promise<TlsListener> {
  const { DEFAULT_MAX_VERSION } = tls;
  tls.DEFAULT_MAX_VERSION = version;
  try {
    const { certificate, key } = server;
    const own = { certificateChain: certificate, privateKey: key, minVersion: 'TLSv1.2' } as const;
    return await TlsListener.bind('127.0.0.1:0', own, { stallTimeoutMs });
  } finally {
    tls.DEFAULT_MAX_VERSION = DEFAULT_MAX_VERSION;
  }
}
