import { beforeAll, describe, expect, it, vi } from 'vitest';

/** Modules of its own: other tests of the process import a server, which has preview4 from the beginning. */
async function freshModules() {
  vi.resetModules();
  const [{ hasPreview4 }, { memoryPair }, { NnrpClient }, { preview4Within }] = await Promise.all([
    import('../connection/controls/loaded-preview4.js'),
    import('../transport/memory.js'),
    import('./portable-client.js'),
    import('./preview4-within.js'),
  ]);
  return { hasPreview4, memoryPair, NnrpClient, preview4Within };
}

// The order matters: it is loaded once.
describe('preview4 where Node.js is not', () => {
  let modules: Awaited<ReturnType<typeof freshModules>>;

  beforeAll(async () => {
    modules = await freshModules();
  });

  it('is not there before a client asks for it', () => {
    const { hasPreview4, memoryPair, NnrpClient } = modules;
    expect(hasPreview4()).toBe(false);
    const [end] = memoryPair();
    expect(() => NnrpClient.fromTransport(end, { revision: 'preview4' })).toThrow(
      'fromTransport: preview4 is not loaded; await loadPreview4() before it',
    );
  });

  it('is not waited for by whoever has given up', async () => {
    const reason = new Error('gone');
    await expect(modules.preview4Within(1000, AbortSignal.abort(reason))).rejects.toBe(reason);
    const leaving = new AbortController();
    const loading = modules.preview4Within(1000, leaving.signal);
    leaving.abort(reason);
    await expect(loading).rejects.toBe(reason);
  });

  it('is loaded by connecting, and is there for others then', async () => {
    const { hasPreview4, memoryPair, NnrpClient } = modules;
    const [end] = memoryPair();
    const client = await NnrpClient.connect(
      { kind: 'tcp', connect: async () => end },
      { revision: 'preview4', reconnect: 'never' },
    );
    expect(client.revision).toBe('preview4');
    expect(hasPreview4()).toBe(true);
    const [other] = memoryPair();
    const second = NnrpClient.fromTransport(other, { revision: 'preview4' });
    await Promise.all([client.close({ drainTimeoutMs: 0 }), second.close({ drainTimeoutMs: 0 })]);
  });
});
