import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server, Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { isNnrpError } from 'nnrp-core';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { IpcConnector, IpcListener } from '../../../src/transport/ipc/ipc.js';
import { closeWithFile, type FileIdentity, identityOf, removeIfSame } from '../../../src/transport/ipc/socket-file.js';
import { eventually } from '../../support/eventually.js';
import { freePath } from './ipc-carrier.js';

const NOBODY = 65534;

/** What node:net stands on: there a socket can be bound, and not listen. */
interface BarePipe {
  bind(path: string): number;
  listen(backlog: number): number;
  close(): void;
}
type Bindings = (name: string) => { Pipe: new (kind: number) => BarePipe; constants: { readonly SERVER: number } };
const { Pipe, constants: PipeOf } = (process as unknown as { readonly binding: Bindings }).binding('pipe_wrap');

const listeners: IpcListener[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const listener of listeners.splice(0)) await listener.close();
});

async function bind(path: string, options = {}): Promise<IpcListener> {
  const listener = await IpcListener.bind(path, options);
  listeners.push(listener);
  return listener;
}

/** The file of a process that is gone: a program that dies leaves it. */
async function stale(): Promise<string> {
  const path = freePath();
  const code = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.exit())`;
  const { execFileSync } = await import('node:child_process');
  execFileSync(process.execPath, ['-e', code]);
  expect(statSync(path).isSocket()).toBe(true);
  return path;
}

/** What root may do is not forbidden by any permission; any other user is bound to them as it is. */
async function asNobody<T>(work: () => Promise<T>): Promise<T> {
  const { getuid, seteuid } = process;
  if (getuid?.() !== 0 || seteuid === undefined) return work();
  seteuid(NOBODY);
  try {
    return await work();
  } finally {
    seteuid(0);
  }
}

async function connects(address: string): Promise<boolean> {
  const transport = await new IpcConnector(address).connect();
  transport.abort();
  return true;
}

async function bareServer(path: string): Promise<Server> {
  const server = createServer().listen(path);
  await once(server, 'listening');
  return server;
}

describe('the file of a socket', () => {
  it('goes when the listener is closed', async () => {
    const path = freePath();
    const listener = await bind(path);
    expect(listener).toMatchObject({ kind: 'ipc', address: `unix:${path}` });
    expect(statSync(path).isSocket()).toBe(true);
    await listener.close();
    expect(existsSync(path)).toBe(false);
  });

  it('of a process that is gone is replaced', async () => {
    const path = await stale();
    await expect(connects(path)).rejects.toThrow(
      `cannot connect to unix:${path}: a socket is there, but no process listens`,
    );
    const listener = await bind(path);
    expect(await connects(listener.address)).toBe(true);
  });

  it('of a process that lives is not', async () => {
    const path = freePath();
    const first = await bind(path);
    const second = await IpcListener.bind(path).catch((error: unknown) => error);
    expect(isNnrpError(second, 'NNRP_ERR_TRANSPORT') && second.isRetryable).toBe(false);
    expect(String(second)).toContain(`cannot listen on unix:${path}: another process listens there`);
    // Here it is no other process, and a thread of its own would not tell either.
    expect(String(second)).toContain(
      'or another server of this one, as in another thread: each needs a path of its own',
    );
    expect(await connects(first.address)).toBe(true);
  });

  it('is one for all who race for the place of a process that is gone', async () => {
    const path = await stale();
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => bind(path)));
    const failed = outcomes.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[];
    expect(failed).toHaveLength(7);
    for (const { reason } of failed) expect(String(reason)).toContain('another process listens there');
    expect(await connects(path)).toBe(true);
  });

  it.each<[string, (path: string) => void]>([
    ['a file', (path) => writeFileSync(path, 'precious')],
    ['a directory', (path) => mkdirSync(path)],
    ['a symbolic link', (path) => symlinkSync('/nowhere', path)],
  ])('does not take the place of %s', async (what, make) => {
    const path = freePath();
    make(path);
    await expect(IpcListener.bind(path)).rejects.toThrow(
      `cannot listen on unix:${path}: what is there is no socket, but ${what}`,
    );
    expect(readdirSync(dirname(path))).toContain(path.split('/').pop());
    rmSync(path, { recursive: true });
  });

  it('needs a directory', async () => {
    const path = `${freePath()}.d/nnrp.sock`;
    await expect(IpcListener.bind(path)).rejects.toThrow(
      `cannot listen on unix:${path}: there is no directory ${dirname(path)}`,
    );
    await expect(connects(path)).rejects.toThrow(`cannot connect to unix:${path}: no socket is there`);
  });

  it('is told from what is no socket, and from a name that nobody has, where nothing can be connected to', async () => {
    const [text, folder, link] = [freePath(), freePath(), freePath()];
    writeFileSync(text, '');
    mkdirSync(folder);
    symlinkSync(text, link);
    for (const path of [text, folder, link])
      await expect(connects(path)).rejects.toThrow(`cannot connect to unix:${path}: what is there is no socket (ECONN`);
    if (process.platform !== 'linux') return;
    const name = `@nnrp-nobody-${process.pid}`;
    await expect(connects(name)).rejects.toThrow(`cannot connect to unix:${name}: no process listens there (ECONN`);
  });

  it('of another server that has taken the name stays', async () => {
    const path = freePath();
    const first = await bind(path);
    rmSync(path);
    await bind(path);
    await first.close();
    expect(await connects(path)).toBe(true);
    expect(readdirSync(dirname(path)).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('may be gone already', async () => {
    const path = freePath();
    const server = await bareServer(path);
    const own = identityOf(path);
    rmSync(path);
    closeWithFile(server, path, own);
    await once(server, 'close');
    expect(existsSync(path)).toBe(false);
  });

  it('is put back when it was replaced by that of a faster process', async () => {
    const path = await stale();
    const found = identityOf(path) as FileIdentity;
    rmSync(path);
    const { address } = await bind(path);
    const before = readdirSync(dirname(path));
    removeIfSame(path, found);
    expect(await connects(address)).toBe(true);
    expect(readdirSync(dirname(path))).toEqual(before);
  });

  it('is told from another one that has got its number', async () => {
    const path = freePath();
    const { address } = await bind(path);
    const { dev, ino, mtimeNs } = identityOf(path) as FileIdentity;
    removeIfSame(path, { dev, ino, mtimeNs: mtimeNs - 1n });
    expect(await connects(address)).toBe(true);
  });

  it('gives way to a directory that has taken its name', async () => {
    const path = await stale();
    const found = identityOf(path) as FileIdentity;
    rmSync(path);
    mkdirSync(path);
    const before = readdirSync(dirname(path));
    removeIfSame(path, found);
    expect(readdirSync(dirname(path))).toEqual(before);
    expect(statSync(path).isDirectory()).toBe(true);
  });

  it('is put back where it cannot be linked, as that of another user', async () => {
    const path = await stale();
    const found = identityOf(path) as FileIdentity;
    rmSync(path);
    const { address } = await bind(path);
    chmodSync(dirname(path), 0o777);
    await asNobody(async () => removeIfSame(path, found));
    expect(await connects(address)).toBe(true);
  });

  it('may be removed by another process at the same time', async () => {
    const path = await stale();
    const found = identityOf(path) as FileIdentity;
    removeIfSame(path, found);
    expect(existsSync(path)).toBe(false);
    removeIfSame(path, found);
  });

  it('of a process that has bound it, and is about to listen, is not replaced', async () => {
    const path = freePath();
    const bound = new Pipe(PipeOf.SERVER);
    expect(bound.bind(path)).toBe(0);
    const asking = vi.spyOn(Socket.prototype, 'connect');
    const binding = IpcListener.bind(path);
    await eventually(() => asking.mock.calls.length > 0, 'a process is looked for');
    expect(bound.listen(1)).toBe(0);
    await expect(binding).rejects.toThrow('another process listens there');
    expect(asking).toHaveBeenCalledTimes(2);
    bound.close();
  });

  it('does not keep a server open whose directory is out of reach by now', async () => {
    const folder = `${freePath()}.d`;
    mkdirSync(folder);
    chmodSync(folder, 0o777);
    const path = join(folder, 'nnrp.sock');
    const listener = await bind(path, { mode: 0o666 });
    const transport = await new IpcConnector(path).connect();
    chmodSync(folder, 0);
    await asNobody(() => listener.close());
    chmodSync(folder, 0o777);
    transport.abort();
    await expect(connects(path)).rejects.toThrow('a socket is there, but no process listens (ECONNREFUSED)');
    rmSync(folder, { recursive: true });
  });
});

describe('permissions of the file system', () => {
  it('that forbid to make the file are named', async () => {
    const folder = `${freePath()}.d`;
    mkdirSync(folder, { mode: 0o555 });
    const path = join(folder, 'nnrp.sock');
    await expect(asNobody(() => IpcListener.bind(path))).rejects.toThrow(
      `cannot listen on unix:${path}: no permission to make a file in ${folder} (EACCES)`,
    );
    chmodSync(folder, 0);
    await expect(asNobody(() => IpcListener.bind(path))).rejects.toThrow('no permission to make a file in');
    await expect(asNobody(() => IpcListener.bind(join(folder, 'a', 'b.sock')))).rejects.toThrow('no permission');
    rmSync(folder, { recursive: true });
  });

  it('that keep a client out are named', async () => {
    const path = freePath();
    chmodSync(dirname(path), 0o755);
    const { address } = await bind(path, { mode: 0o600 });
    await expect(asNobody(() => connects(address))).rejects.toThrow(
      `cannot connect to ${address}: the permissions of the socket, or of a directory above it, keep this user out (EACCES)`,
    );
    chmodSync(path, 0o666);
    expect(await asNobody(() => connects(address))).toBe(true);
  });

  it('that hide whether a process listens keep the file', async () => {
    const path = await stale();
    chmodSync(path, 0o600);
    chmodSync(dirname(path), 0o777);
    await expect(asNobody(() => IpcListener.bind(path))).rejects.toThrow(
      'the socket file of another process is there, which cannot be asked: connect EACCES',
    );
    expect(existsSync(path)).toBe(true);
  });

  it('that forbid to remove the file of a process that is gone are named', async () => {
    const path = await stale();
    chmodSync(path, 0o666);
    chmodSync(dirname(path), 0o1777);
    await expect(asNobody(() => IpcListener.bind(path))).rejects.toThrow(
      `cannot listen on unix:${path}: the socket file of a process that is gone is there: this user may not remove it (EPERM)`,
    );
    expect(existsSync(path)).toBe(true);
  });

  it('and what is no directory are told apart', async () => {
    const path = freePath();
    writeFileSync(path, '');
    await expect(IpcListener.bind(join(path, 'nnrp.sock'))).rejects.toThrow(`${path} is no directory`);
    rmSync(path);
  });
});
