import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer, connect as dial, type Server, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import { RESULT_PUSH, SESSION_OPEN_ACK } from '../src/connection/codecs.js';
import { eventually } from './eventually.js';
import { COMPLETE, OPENED } from './scripted-server.js';
import { messageBytes } from './session-peer.js';
import { openBytes, packetBytes, submitBytes } from './wire-packets.js';

/*
 * What is counted is what is held: one end runs in a process of its own, as it is built, and is driven to its bound by a
 * peer that does its worst.
 */

const { MessageType } = preview3;
const END = fileURLToPath(new URL('./memory-bounds/end.mjs', import.meta.url));
const MIB = 1024 * 1024;
/** Besides what is counted: a chunk of the network, what the transport has taken, code that was compiled meanwhile. */
const BASE_BYTES = 4 * MIB;

interface Said {
  readonly address?: string;
  readonly failed?: string;
  readonly counted?: number;
  readonly held?: number;
}

const children: ChildProcess[] = [];
const sockets: Socket[] = [];
let listener: Server | undefined;
afterEach(() => {
  for (const child of children.splice(0)) child.kill();
  for (const socket of sockets.splice(0)) socket.destroy();
  listener?.close();
});

function end(role: string, option = ''): { child: ChildProcess; said: Said[] } {
  const child = fork(END, [role, option], { execArgv: ['--expose-gc'] });
  children.push(child);
  const said: Said[] = [];
  child.on('message', (message: Said) => said.push(message));
  return { child, said };
}

/** Asks until what is counted stays the same. */
async function settled(child: ChildProcess, least: number): Promise<Required<Pick<Said, 'counted' | 'held'>>> {
  let before = -1;
  for (let look = 0; look < 200; look++) {
    child.send({ measure: true });
    const { counted = 0, held = 0 } = ((await once(child, 'message')) as [Said])[0];
    if (counted >= least && counted === before) return { counted, held };
    before = counted;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`the bound is not reached: ${before} bytes`);
}

/** Accepts the client of a child. */
async function accepted(child: ChildProcess): Promise<Socket> {
  listener = createServer();
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  child.send({ address: `127.0.0.1:${(listener.address() as AddressInfo).port}` });
  const [socket] = (await once(listener, 'connection')) as [Socket];
  sockets.push(socket.on('error', () => {}));
  return socket;
}

/** Writes the same over and over, as fast as it is taken. */
function flood(socket: Socket, bytes: Uint8Array): void {
  const on = () => {
    while (!socket.destroyed && socket.write(bytes));
  };
  socket.on('drain', on);
  on();
}

describe('what is counted at the bound is what is held', () => {
  it('by the outbox of a server: partial results of one byte', async () => {
    const { child, said } = end('server');
    await eventually(() => said.length === 1, 'the server listens');
    const [host = '', port = ''] = (said[0]?.address ?? '').split(':');
    const socket = dial(Number(port), host);
    sockets.push(socket.on('error', () => {}));
    socket.pause();
    socket.write(openBytes({ requestedSessionId: 1, maxInFlightOperations: 1, defaultDeadlineMs: 0 }));
    socket.write(submitBytes(1, 1));
    const { counted, held } = await settled(child, 15 * MIB);
    expect(counted).toBeLessThanOrEqual(16 * MIB + 1024);
    expect(held).toBeLessThan(counted * 1.5 + BASE_BYTES);
  });

  it('by the outbox of a client: answers to PINGs of a server that takes none', async () => {
    const { child } = end('pings');
    const socket = await accepted(child);
    socket.pause();
    flood(socket, Buffer.concat(Array.from({ length: 20_000 }, () => packetBytes(MessageType.Ping))));
    const { counted, held } = await settled(child, 500 * 1024);
    expect(counted).toBeLessThan(MIB);
    expect(held).toBeLessThan(counted * 1.5 + BASE_BYTES);
  });

  it.each([
    ['empty ones', 0, 0],
    ['large ones', 10_000, 0],
    ['few in chunks full of something else', 0, 1500],
  ])(
    'by results that nobody reads while an answer is awaited: %s',
    async (_name, bodyBytes, hints) => {
      const maxBytes = 8 * MIB;
      const { child, said } = end('unread', String(hints === 0 ? maxBytes : MIB));
      const socket = await accepted(child);
      const ack = { ...OPENED, sessionId: 1, serverSessionTag: 1n };
      socket.write(messageBytes(MessageType.SessionOpenAck, SESSION_OPEN_ACK, ack, 1));
      socket.resume();
      const metadata = { ...COMPLETE, resultClass: preview3.ResultClass.Partial };
      const head = new Uint8Array(RESULT_PUSH.bytes);
      RESULT_PUSH.encode(metadata, new DataView(head.buffer), 0);
      const result = packetBytes(MessageType.ResultPush, 1, 1, head, new Uint8Array(bodyBytes));
      const hint = packetBytes(MessageType.ResultHint, 1, 0, new Uint8Array(16));
      const unit = Buffer.concat([result, ...Array.from({ length: hints }, () => hint)]);
      await eventually(() => socket.bytesRead > 200, 'the submit has come');
      flood(socket, Buffer.concat(Array.from({ length: Math.ceil(MIB / unit.length) }, () => unit)));
      const { counted, held } = await settled(child, (hints === 0 ? 2 * maxBytes : 2 * MIB) - 1024);
      expect(held).toBeLessThan(counted * 1.5 + BASE_BYTES);
      expect(said.some(({ failed }) => failed === 'unread_results')).toBe(true);
    },
    60_000,
  );
});
