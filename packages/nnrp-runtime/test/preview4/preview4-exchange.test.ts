import { afterEach, describe, expect, it } from 'vitest';
import type { NnrpServerOptions } from '../../src/server/contract/server-config.js';
import type { ServeHandlers } from '../../src/server/serve/serve-handlers.js';
import { NnrpServer } from '../../src/server/server.js';
import { bytes, type Came, hello, Peer, packet, request, sessionClose, submit, T, u16, u32, u64 } from './peer.js';

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

async function serving(handlers: ServeHandlers, config: NnrpServerOptions = {}): Promise<NnrpServer> {
  const server = await NnrpServer.bindTcp('127.0.0.1:0', config);
  open.push({ close: () => server.close({ drainTimeoutMs: 0 }) });
  server.serve(handlers);
  return server;
}

async function peerOf(server: NnrpServer): Promise<Peer> {
  const peer = await Peer.tcp(server.localAddress);
  open.push({ close: () => peer.end() });
  return peer;
}

/** Session, and the body of the result that the frame gets. */
async function resultOf(peer: Peer, session: number, frame: number, operation: number, body: string): Promise<Came> {
  peer.send(packet(T.submit, { session, frame }, submit({ operation }), body));
  return await peer.get(T.result);
}

describe('a client of preview4', () => {
  it('is greeted, opens a session, gets a result, and closes', async () => {
    const server = await serving({ submit: (operation) => `${operation.id}:${operation.text()}` });
    const peer = await peerOf(server);
    peer.send(packet(T.hello, {}, hello()));
    const ack = await peer.get(T.helloAck);
    expect(ack.metadata).toHaveLength(80);
    expect([ack.session, ack.body.length, ack.trace]).toEqual([0, 0, 0n]);
    const opened = await peer.opened().catch((error: Error) => error.message);
    expect(opened).toMatch(/got/);
  });

  it('gets what a handler pushes as partial results, and its last one as a result', async () => {
    const server = await serving({
      async *submit() {
        yield 'a';
        yield '';
        yield 'bc';
        return 'end';
      },
    });
    const peer = await peerOf(server);
    const { session } = await peer.opened();
    peer.send(packet(T.submit, { session, frame: 1 }, submit({ operation: 7 })));
    const parts = [await peer.get(T.partial), await peer.get(T.partial)];
    expect(
      parts.map((part) => [part.u64(0), part.u64(8), part.u64(16), part.u64(24), part.u32(32), part.text]),
    ).toEqual([
      [7n, 1n, 0n, 0n, 1, 'a'],
      [7n, 2n, 0n, 1n, 2, 'bc'],
    ]);
    const last = await peer.get(T.result);
    expect([last.session, last.frame, last.text]).toEqual([session, 1, 'end']);
    expect((await resultOf(peer, session, 2, 8, '').catch(() => undefined)) === undefined).toBe(true);
  });

  it('is answered RESULT_DROP_REASON when it cancels, and nothing when it cancels again', async () => {
    let aborted: unknown;
    const server = await serving({
      submit: (operation) => {
        operation.signal.addEventListener('abort', () => {
          aborted = operation.abortReason;
        });
        return operation.finished;
      },
    });
    const peer = await peerOf(server);
    const { session } = await peer.opened();
    const cancel = packet(T.cancel, { session, frame: 1 }, request(101));
    peer.send(packet(T.submit, { session, frame: 1 }, submit({ operation: 101 })), cancel, cancel);
    const drop = await peer.get(T.dropReason);
    expect([drop.frame, drop.u64(0), drop.u16(16), drop.metadata.readUInt8(18)]).toEqual([1, 101n, 3, 2]);
    expect(aborted).toMatchObject({ code: 'NNRP_ERR_CANCELLED' });
    peer.send(packet(T.sessionClose, { session }, sessionClose(101)));
    const ack = await peer.get(T.sessionCloseAck);
    expect([ack.metadata.readUInt8(0), ack.u64(4)]).toEqual([2, 101n]);
    peer.send(packet(T.submit, { session, frame: 2 }, submit({ operation: 102 })));
    await peer.settled();
    expect(bytes(u16(1), u32(1), u64(1))).toHaveLength(14);
  });
});
