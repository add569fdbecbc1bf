import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer, connect as dial, type Server, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { requireFreshBuilds } from '../../../../../tools/fresh-build.mjs';
import { eventually } from '../../support/eventually.js';

/** One end of a connection in a process of its own, as it is built, and a peer here that does its worst. */
export const MIB = 1024 * 1024;
/** Besides what is counted: a chunk of the network, what the transport has taken, code that was compiled meanwhile. */
export const BASE_BYTES = 4 * MIB;
/** The same of the whole process, whose collector gives pages back when it likes. */
const RESIDENT_BASE_BYTES = 48 * MIB;

export interface Said {
  readonly address?: string;
  readonly failed?: string;
  readonly counted?: number;
  readonly held?: number;
  /** How much more memory the process has than before. */
  readonly resident?: number;
}

export type Measured = Required<Pick<Said, 'counted' | 'held' | 'resident'>>;

const children: ChildProcess[] = [];
const sockets: Socket[] = [];
const listeners: Server[] = [];

/** Ends whatever was started here. */
export function endAll(): void {
  for (const child of children.splice(0)) child.kill();
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const listener of listeners.splice(0)) listener.close();
}

/** @param file - beside this one */
export function startEnd(file: string, ...options: string[]): { child: ChildProcess; said: Said[] } {
  requireFreshBuilds('packages/nnrp-core', 'packages/nnrp-runtime');
  const path = fileURLToPath(new URL(file, import.meta.url));
  const child = fork(path, options, { execArgv: ['--expose-gc'] });
  children.push(child);
  const said: Said[] = [];
  child.on('message', (message: Said) => said.push(message));
  return { child, said };
}

/**
 * Asks until what is counted stays the same.
 * @param of - what is counted; default what the child was started for
 * @throws Error when it stays below `least`
 */
export async function settled(child: ChildProcess, least: number, of?: string): Promise<Measured> {
  let before = -1;
  for (let look = 0; look < 200; look++) {
    child.send({ measure: true, of });
    const { counted = 0, held = 0, resident = 0 } = await answer(child);
    if (counted >= least && counted === before) return { counted, held, resident };
    before = counted;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`the bound is not reached: ${before} bytes`);
}

/** It may tell of something else first. */
async function answer(child: ChildProcess): Promise<Said> {
  for (;;) {
    const [said] = (await once(child, 'message')) as [Said];
    if (said.counted !== undefined) return said;
  }
}

/** Accepts the client of a child. */
export async function accepted(child: ChildProcess): Promise<Socket> {
  const listener = createServer();
  listeners.push(listener);
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  child.send({ address: `127.0.0.1:${(listener.address() as AddressInfo).port}` });
  const [socket] = (await once(listener, 'connection')) as [Socket];
  sockets.push(socket.on('error', () => {}));
  return socket;
}

/** The address of a child that is a server. */
export async function listening(said: readonly Said[]): Promise<string> {
  await eventually(() => said.length > 0, 'the server listens');
  return said[0]?.address ?? '';
}

/** Connects to a server, at HOST:PORT or a URL. @param localAddress - that it sees */
export function dialled(address: string, localAddress?: string): Socket {
  const [, host = '', port = ''] = /([\d.]+):(\d+)/.exec(address) ?? [];
  const socket = dial({ port: Number(port), host, ...(localAddress !== undefined && { localAddress }) });
  sockets.push(socket.on('error', () => {}));
  return socket;
}

/** Writes one after the other, as fast as it is taken, until there is no more. */
export function flood(socket: Socket, parts: Iterator<Uint8Array>): void {
  const on = () => {
    while (!socket.destroyed) {
      const { done, value } = parts.next();
      if (done === true || !socket.write(value)) return;
    }
  };
  socket.on('drain', on);
  on();
}

/** What is counted is what is held. @param withResident - whether the memory of the whole process is compared as well */
export function expectHeld({ counted, held, resident }: Measured, withResident = false): void {
  const { currentTestName } = expect.getState();
  if (process.env['SHOW_MEASURED']) console.log(currentTestName, (held / counted).toFixed(2), counted, held, resident);
  expect(held).toBeLessThan(counted * 1.5 + BASE_BYTES);
  if (withResident) expect(resident).toBeLessThan(counted * 1.5 + RESIDENT_BASE_BYTES);
}
