import { afterEach, describe, expect, it, vi } from 'vitest';
import { QuicStage } from '../support/quic-stage.js';

const stage = new QuicStage();
afterEach(async () => {
  await stage.clear();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

describe('QUIC', () => {
  for (const [platform, arch] of [
    ['linux', 'arm64'],
    ['linux', 'riscv64'],
    ['darwin', 'arm64'],
    ['win32', 'x64'],
    ['freebsd', 'x64'],
  ] as const) {
    it(`asks for nothing of the platform: ${platform} on ${arch}`, async () => {
      vi.spyOn(process, 'platform', 'get').mockReturnValue(platform);
      vi.spyOn(process, 'arch', 'get').mockReturnValue(arch);
      vi.resetModules();
      const { bindQuic, connectQuic, QuicServerEndpointConfig } = await import('../../src/index.js');
      const { config, certificate } = QuicServerEndpointConfig.selfSignedLocalhost('127.0.0.1:0');
      const server = await bindQuic(config);
      void server.serve({ submit: ({ body }) => body });
      const client = await connectQuic(server.localAddress, { roots: certificate.certificateDer });
      const { body } = await (await (await client.openSession()).submit(platform)).result();
      expect(Buffer.from(body).toString()).toBe(platform);
      await client.close();
      await server.close();
    });
  }

  it('says what it lacks where WebAssembly is switched off', async () => {
    vi.stubGlobal('WebAssembly', undefined);
    vi.resetModules();
    const { QuicFramedListener, QuicServerEndpointConfig } = await import('../../src/index.js');
    const { config } = QuicServerEndpointConfig.selfSignedLocalhost('127.0.0.1:0');
    await expect(QuicFramedListener.bind(config)).rejects.toMatchObject({
      code: 'NNRP_ERR_TRANSPORT',
      rawMessage: expect.stringMatching(/no WebAssembly, as with --jitless; use TLS over TCP instead/),
    });
  });
});
