import { afterEach, expect, it, vi } from 'vitest';
import { QuicStage } from '../support/quic-stage.js';

const asked = vi.hoisted(() => ({ times: 0 }));

// As on Bun.
vi.mock('node:crypto', async (original) => {
  const crypto = await original<typeof import('node:crypto')>();
  const without = <Make extends (...args: never[]) => unknown>(make: Make) =>
    ((...args: Parameters<Make>) => {
      if (String(args[0]) !== 'chacha20-poly1305') return make(...args);
      asked.times++;
      throw new Error('Unknown cipher');
    }) as unknown as Make;
  const changed = {
    ...crypto,
    createCipheriv: without(crypto.createCipheriv),
    createDecipheriv: without(crypto.createDecipheriv),
  };
  return { ...changed, default: changed };
});

const stage = new QuicStage();
afterEach(() => stage.clear());

it('a host that lacks ChaCha20-Poly1305 leaves large datagrams to the module', async () => {
  const server = await stage.echo();
  const session = await (await stage.connect(server.localAddress, {}, { reconnect: 'never' })).openSession();
  const body = Buffer.alloc(300_000, 7);
  const { body: got } = await (await session.submit(body)).result();
  expect(Buffer.compare(got, body)).toBe(0);
  // Once for the process.
  expect(asked.times).toBe(1);
});
