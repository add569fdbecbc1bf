import { Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { NnrpClient, NnrpServer } from '../../../src/index.js';

const MIB = 1024 * 1024;
const OPERATIONS = 8;
const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

/** What sockets deliver and are given, over all of the process. */
function watchSockets() {
  const buffers: ArrayBufferLike[] = [];
  let readBytes = 0;
  let writes = 0;
  const proto = Socket.prototype as unknown as Record<'push' | '_write' | '_writev', (...args: unknown[]) => unknown>;
  const { push, _write, _writev } = proto;
  vi.spyOn(proto, 'push').mockImplementation(function pushed(this: unknown, ...args) {
    const [chunk] = args;
    if (ArrayBuffer.isView(chunk)) {
      buffers.push(chunk.buffer);
      readBytes += chunk.byteLength;
    }
    return push.apply(this, args);
  });
  for (const [name, original] of Object.entries({ _write, _writev })) {
    vi.spyOn(proto, name as '_write').mockImplementation(function written(this: unknown, ...args) {
      writes++;
      return original.apply(this, args);
    });
  }
  return () => ({ readBytes, writes, leftBytes: buffers.reduce((sum, { byteLength }) => sum + byteLength, 0) });
}

/**
 * Counts, not times: what a regression of large bodies was made of, a machine with other work does not show. Recovery is on at
 * both ends, as it is by default.
 */
describe('a body of a MiB both ways over TCP', () => {
  it.each(['preview3', 'preview4'] as const)(
    'leaves to the garbage collector hardly more than the bodies, in few writes: %s',
    async (revision) => {
      const server = await NnrpServer.bindTcp('127.0.0.1:0', { revision });
      cleanup.push(() => server.close());
      server.serve({ submit: ({ body }) => body });
      const client = await NnrpClient.connectTcp(server.localAddress, { revision });
      cleanup.push(() => client.close());
      const session = await client.openSession();
      const request = async () => (await session.request(new Uint8Array(MIB).fill(7))).body.length;
      await request();
      const watched = watchSockets();
      for (let operation = 0; operation < OPERATIONS; operation += 4) {
        expect(await Promise.all([request(), request(), request(), request()])).toEqual([MIB, MIB, MIB, MIB]);
      }
      const { readBytes, writes, leftBytes } = watched();
      expect(readBytes).toBeGreaterThan(2 * OPERATIONS * MIB);
      expect(leftBytes).toBeLessThan(readBytes / 4);
      expect(writes).toBeLessThan(8 * OPERATIONS);
    },
  );
});
