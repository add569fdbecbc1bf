import { once } from 'node:events';
import { chmodSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { IpcListener } from '../../../src/transport/ipc/ipc.js';
import { bindStrictly } from '../../../src/transport/ipc/socket-file.js';
import { freePath } from './ipc-carrier.js';

const listeners: IpcListener[] = [];
afterEach(async () => {
  for (const listener of listeners.splice(0)) await listener.close();
});

async function bind(path: string, options = {}): Promise<IpcListener> {
  const listener = await IpcListener.bind(path, options);
  listeners.push(listener);
  return listener;
}

function modeOf(path: string): string {
  return (statSync(path).mode & 0o777).toString(8);
}

async function bareServer(path: string): Promise<Server> {
  const server = createServer().listen(path);
  await once(server, 'listening');
  return server;
}

describe('the mode of a socket', () => {
  it.each([
    [undefined, 0o022, '600'],
    [undefined, 0o000, '600'],
    [0o660, 0o077, '660'],
    [0o666, 0o777, '666'],
    [0o777, 0o022, '777'],
    [0o000, 0o022, '0'],
  ])('of %s is kept whatever the umask', async (mode, umask, expected) => {
    const path = freePath();
    const before = process.umask(umask);
    try {
      await bind(path, { mode });
      expect(process.umask()).toBe(umask);
      expect(modeOf(path)).toBe(expected);
    } finally {
      process.umask(before);
    }
  });

  it('is there from the first moment', async () => {
    const path = freePath();
    const before = process.umask(0);
    try {
      let atBirth = '';
      bindStrictly(0o620, false, () => {
        const server = createServer().listen(path);
        atBirth = modeOf(path);
        server.close();
      });
      expect(atBirth).toBe('620');
      expect(process.umask()).toBe(0);
    } finally {
      process.umask(before);
    }
  });

  it('leaves the umask as it was when nothing can be bound', () => {
    const before = process.umask();
    expect(() =>
      bindStrictly(0o600, false, () => {
        throw new Error('planted');
      }),
    ).toThrow('planted');
    expect(process.umask()).toBe(before);
  });

  it('of the file of another server is left alone', async () => {
    const path = freePath();
    const server = await bareServer(path);
    chmodSync(path, 0o640);
    await expect(IpcListener.bind(path, { mode: 0o666 })).rejects.toThrow('another process listens there');
    expect(modeOf(path)).toBe('640');
    server.close();
  });

  it('that the umask would not keep is refused where the umask belongs to others', () => {
    const before = process.umask(0o002);
    const bound = vi.fn();
    try {
      expect(() => bindStrictly(0o600, true, bound)).toThrow(
        'mode 0o600 cannot be kept: a worker of a cluster cannot set the umask, which is 002',
      );
      expect(bound).not.toHaveBeenCalled();
      bindStrictly(0o660, true, bound);
      process.umask(0o022);
      bindStrictly(0o600, true, bound);
      expect(bound).toHaveBeenCalledTimes(2);
    } finally {
      process.umask(before);
    }
  });

  it('cannot be set by a thread that has no umask of its own', async () => {
    // The reason for the refusal above: if this should ever work, it is not needed there.
    const worker = new Worker('process.umask(0)', { eval: true });
    const [error] = await once(worker, 'error');
    expect((error as NodeJS.ErrnoException).code).toBe('ERR_WORKER_UNSUPPORTED_OPERATION');
  });

  it.each<[unknown, string]>([
    ['660', "mode: expected permissions of 0 to 0o777, such as 0o660, got '660'"],
    [0o1000, 'mode: expected permissions'],
    [-1, 'mode: expected permissions'],
    [6.5, 'mode: expected permissions'],
    [null, 'mode: expected permissions'],
  ])('is no %j', async (mode, why) => {
    await expect(IpcListener.bind(freePath(), { mode } as never)).rejects.toThrow(why);
  });

  it('is refused where there is no file', async () => {
    await expect(IpcListener.bind('@nnrp-mode', { mode: 0o600 })).rejects.toThrow(
      'mode: an abstract socket has no file: every process of its network namespace may connect',
    );
  });

  it('is the only option', async () => {
    await expect(IpcListener.bind(freePath(), { mod: 0o600 } as never)).rejects.toThrow(
      "IPC options: there is no option 'mod'; options are mode",
    );
  });
});
