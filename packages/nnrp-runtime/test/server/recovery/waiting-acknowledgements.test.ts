import { type NnrpError, PacketSplitter, TransportError } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import { AsyncQueue } from '../../../src/base/queues/async-queue.js';
import type { NnrpServerOptions } from '../../../src/server/contract/server-config.js';
import type { ConnectionLost } from '../../../src/server/contract/server-events.js';
import { NnrpServer } from '../../../src/server/server.js';
import type {
  FramedListener,
  FramedTransport,
  OutboundPacket,
  PacketSink,
} from '../../../src/transport/contract/contract.js';
import { eventually } from '../../support/eventually.js';
import { resumableOpenBytes } from '../../support/resumable-peer.js';
import { closeBytes, openAck, packetBytes, submitBytes } from '../../support/wire-packets.js';

const { MessageType, SessionStatus } = preview3;

/** A connection that takes as many packets as a test says. */
class NarrowTransport implements FramedTransport {
  readonly kind = 'own';
  readonly remoteAddress = 'narrow';
  room = Number.POSITIVE_INFINITY;
  readonly sent: Uint8Array[] = [];
  private sink: PacketSink | undefined;

  start(sink: PacketSink): void {
    this.sink = sink;
  }

  send(packet: OutboundPacket): boolean {
    const { headBytes, body } = packet;
    const bytes = new Uint8Array(headBytes + body.length);
    packet.writeHead(new DataView(bytes.buffer), 0, bytes);
    bytes.set(body, headBytes);
    this.sent.push(bytes);
    return --this.room > 0;
  }

  pause(): void {}

  resume(): void {}

  async close(): Promise<void> {}

  abort(error?: NnrpError): void {
    this.sink?.closed(error);
  }

  /** The client has sent that. */
  receive(bytes: Uint8Array): void {
    const splitter = new PacketSplitter();
    splitter.push(bytes);
    const packet = splitter.next();
    if (packet !== undefined) this.sink?.packet(packet);
  }

  /** There is room for so many packets more. */
  take(packets: number): void {
    this.room = packets;
    this.sink?.drained();
  }

  count(messageType: number): number {
    return this.sent.filter((bytes) => bytes[preview3.COMMON_HEADER_OFFSETS.messageType] === messageType).length;
  }

  /** The last acknowledgement of a SESSION_OPEN, and its token. */
  get ack() {
    const splitter = new PacketSplitter();
    splitter.push(Buffer.concat(this.sent));
    let last: { readonly ack: preview3.SessionOpenAck; readonly token: Uint8Array } | undefined;
    for (let packet = splitter.next(); packet !== undefined; packet = splitter.next()) {
      if (packet.messageType !== MessageType.SessionOpenAck) continue;
      const ack = openAck(packet);
      last = { ack, token: new Uint8Array(packet.body.subarray(0, ack.resumeTokenBytes)) };
    }
    if (last === undefined) throw new Error('no SESSION_OPEN_ACK');
    return last;
  }
}

const NOTHING = new Uint8Array(0);
const running: NnrpServer[] = [];
afterEach(async () => {
  for (const server of running.splice(0)) await server.close({ drainTimeoutMs: 0 });
});

function serving(options: NnrpServerOptions = {}) {
  const connections = new AsyncQueue<FramedTransport>();
  const listener: FramedListener = {
    kind: 'own',
    address: 'narrow',
    accept: () => connections.next(),
    close: async () => connections.end(new TransportError('closed')),
  };
  const server = NnrpServer.fromListener(listener, { drainTimeoutMs: 0, ...options });
  running.push(server);
  const connect = async () => {
    const transport = new NarrowTransport();
    connections.push(transport);
    await eventually(() => transport['sink' as never] !== undefined, 'it is served');
    return transport;
  };
  return { server, connect };
}

/** A session on a connection of its own. */
async function opened(connect: () => Promise<NarrowTransport>) {
  const transport = await connect();
  transport.receive(resumableOpenBytes({ sessionId: 0, token: NOTHING }));
  await eventually(() => transport.count(MessageType.SessionOpenAck) === 1, 'it is open');
  return { transport, sessionId: transport.ack.ack.sessionId, token: transport.ack.token };
}

/** So long that a fence is due with each. */
const PART = 'x'.repeat(300_000);

/** So short that a fence comes in time only, and not with it. */
const SHORT_PART = 'x'.repeat(1000);

/** A fence leaves ahead of what waits. It is answered. */
async function fenceAnswered(transport: NarrowTransport): Promise<void> {
  await eventually(() => transport.count(MessageType.Ping) === 1, 'a fence has left');
  transport.receive(packetBytes(MessageType.Pong));
}

describe('what waits behind others for room', () => {
  it('has not arrived with a fence that went ahead: the token before it stays good', async () => {
    const { server, connect } = serving();
    const lost = await opened(connect);
    await server.accept();
    lost.transport.abort(new TransportError('cut'));
    const busy = await opened(connect);
    const session = await server.accept();
    const { transport } = busy;
    transport.receive(submitBytes(busy.sessionId, 1));
    const operation = await session.receiveSubmit();
    transport.room = 1;
    for (let part = 0; part < 3; part++) operation.push(SHORT_PART).catch(() => {});
    transport.receive(resumableOpenBytes({ sessionId: lost.sessionId, token: lost.token, received: 0 }));
    await eventually(() => server.suspendedCount === 0, 'it is resumed');
    await fenceAnswered(transport);
    expect(transport.count(MessageType.SessionOpenAck)).toBe(1);
    transport.abort(new TransportError('cut'));

    const next = await connect();
    next.receive(resumableOpenBytes({ sessionId: lost.sessionId, token: lost.token, received: 0 }));
    await eventually(() => next.count(MessageType.SessionOpenAck) === 1, 'it is answered');
    expect(next.ack.ack).toMatchObject({ sessionStatus: SessionStatus.Resumed, sessionErrorCode: 0 });
  });

  it('is asked for although there is no room: as much as may go ahead could wait before it', async () => {
    const { server, connect } = serving();
    const { transport, sessionId } = await opened(connect);
    const session = await server.accept();
    transport.receive(submitBytes(sessionId, 1));
    const operation = await session.receiveSubmit();
    transport.room = 1;
    operation.push(new Uint8Array(9 * 1024 * 1024)).catch(() => {});
    expect([transport.count(MessageType.ResultPush), transport.count(MessageType.Ping)]).toEqual([1, 1]);
  });

  it('costs a client that sends PINGs without end and answers none its connection, and the server says that', async () => {
    const { server, connect } = serving({ maxOutboxBytes: 64 * 1024 });
    const lost = new Promise<ConnectionLost>((resolve) => server.on('connectionLost', resolve));
    const { transport, sessionId } = await opened(connect);
    const session = await server.accept();
    transport.receive(submitBytes(sessionId, 1));
    const operation = await session.receiveSubmit();
    operation.push(new Uint8Array(9 * 1024 * 1024)).catch(() => {});
    const ping = packetBytes(MessageType.Ping);
    // As many as are answered ahead of what waits, and as many as may wait.
    for (let count = 0; count < 60_000; count++) transport.receive(ping);
    expect((await lost).error.message).toMatch(/ narrow answers no PING: 65\d{3} bytes wait to be sent$/);
  });

  it('has not arrived with a fence that went ahead: the rest of a session that is over can be fetched', async () => {
    const { server, connect } = serving();
    const { transport, sessionId, token } = await opened(connect);
    const session = await server.accept();
    transport.receive(submitBytes(sessionId, 1));
    const operation = await session.receiveSubmit();
    transport.room = 1;
    for (let part = 0; part < 3; part++) operation.push(SHORT_PART).catch(() => {});
    operation.complete('end').catch(() => {});
    transport.receive(closeBytes(sessionId));
    await session.receiveClose();
    session.ackClose().catch(() => {});
    expect(session.state).toBe('closed');
    await fenceAnswered(transport);
    expect(transport.count(MessageType.SessionCloseAck)).toBe(0);
    const received = transport.count(MessageType.ResultPush);
    transport.abort(new TransportError('cut'));

    const next = await connect();
    next.receive(resumableOpenBytes({ sessionId, token, received }));
    await eventually(() => next.count(MessageType.SessionOpenAck) === 1, 'it is answered');
    expect(next.ack.ack).toMatchObject({ sessionStatus: SessionStatus.Resumed, sessionErrorCode: 0 });
    await eventually(() => next.count(MessageType.SessionCloseAck) === 1, 'all of it has come');
    expect(received + next.count(MessageType.ResultPush)).toBe(4);
  });

  it('has not arrived with a fence between its parts: what was kept for a session that is over can still be fetched', async () => {
    const { server, connect } = serving();
    const { transport, sessionId, token } = await opened(connect);
    const session = await server.accept();
    transport.receive(submitBytes(sessionId, 1));
    const operation = await session.receiveSubmit();
    transport.abort(new TransportError('cut'));
    await eventually(() => server.suspendedCount === 1, 'the session is suspended');
    for (let part = 0; part < 3; part++) operation.push(PART).catch(() => {});
    operation.complete('end').catch(() => {});
    await session.close();

    const narrow = await connect();
    narrow.room = 2;
    narrow.receive(resumableOpenBytes({ sessionId, token, received: 0 }));
    await eventually(() => narrow.count(MessageType.SessionOpenAck) === 1, 'it is answered');
    for (let turn = 0; turn < 2; turn++) {
      narrow.take(1);
      for (let pings = narrow.count(MessageType.Ping); pings > 0; pings--)
        narrow.receive(packetBytes(MessageType.Pong));
    }
    expect(narrow.count(MessageType.SessionClose)).toBe(0);
    const received = narrow.count(MessageType.ResultPush);
    narrow.abort(new TransportError('cut'));

    const next = await connect();
    next.receive(resumableOpenBytes({ sessionId, token: narrow.ack.token, received }));
    await eventually(() => next.count(MessageType.SessionOpenAck) === 1, 'it is answered');
    expect(next.ack.ack).toMatchObject({ sessionStatus: SessionStatus.Resumed, sessionErrorCode: 0 });
    await eventually(() => next.count(MessageType.SessionClose) === 1, 'all of it has come');
    expect(received + next.count(MessageType.ResultPush)).toBe(4);
  });

  it.each(['that is given up for want of a session', 'whose place others need'])(
    'has not arrived over a connection %s: the end of a session can still be fetched',
    async (why) => {
      const isFull = why.startsWith('whose');
      const { server, connect } = serving(isFull ? { maxUnopenedConnections: 2 } : { handshakeTimeoutMs: 50 });
      const { transport, sessionId, token } = await opened(connect);
      const session = await server.accept();
      transport.receive(closeBytes(sessionId));
      await session.receiveClose();
      await session.ackClose();
      if (isFull) for (let stranger = 0; stranger < 2; stranger++) await connect();
      await eventually(() => server.connectionCount === (isFull ? 2 : 0), 'the server has given the connection up');

      const next = await connect();
      next.receive(resumableOpenBytes({ sessionId, token, received: 0 }));
      await eventually(() => next.count(MessageType.SessionOpenAck) === 1, 'it is answered');
      expect(next.ack.ack).toMatchObject({ sessionStatus: SessionStatus.Resumed, sessionErrorCode: 0 });
      await eventually(() => next.count(MessageType.SessionCloseAck) === 1, 'the rest has come');
    },
  );

  it.each(['takes the rest', 'is cut'])(
    'is brought to a client that confirms nothing when its session ends meanwhile, and it %s',
    async (what) => {
      const { server, connect } = serving();
      const first = await connect();
      first.receive(resumableOpenBytes({ sessionId: 0, token: NOTHING, announced: false }));
      await eventually(() => first.count(MessageType.SessionOpenAck) === 1, 'it is open');
      const { sessionId } = first.ack.ack;
      const session = await server.accept();
      first.receive(submitBytes(sessionId, 1));
      const operation = await session.receiveSubmit();
      first.abort(new TransportError('cut'));
      await eventually(() => server.suspendedCount === 1, 'the session is suspended');
      for (let part = 0; part < 3; part++) operation.push(PART).catch(() => {});
      operation.complete('end').catch(() => {});

      const narrow = await connect();
      narrow.room = 2;
      narrow.receive(resumableOpenBytes({ sessionId, token: first.ack.token, announced: false }));
      await eventually(() => narrow.count(MessageType.SessionOpenAck) === 1, 'it is resumed');
      narrow.receive(closeBytes(sessionId));
      await session.receiveClose();
      session.ackClose().catch(() => {});
      await eventually(() => session.state === 'closed', 'it is over');
      const received = narrow.count(MessageType.ResultPush);
      expect(received).toBeLessThan(4);
      const isCut = what === 'is cut';
      const next = isCut ? await connect() : narrow;
      if (isCut) {
        narrow.abort(new TransportError('cut'));
        next.receive(resumableOpenBytes({ sessionId, token: narrow.ack.token, announced: false }));
      } else narrow.take(Number.POSITIVE_INFINITY);
      await eventually(() => next.count(MessageType.SessionCloseAck) === 1, 'all of it has come');
      expect(next.count(MessageType.ResultPush) + (isCut ? received : 0)).toBe(4);
      expect(server.stats().suspendedSessions?.value).toBe(0);
      if (!isCut) {
        // Its id is free again, and it is forgotten.
        narrow.receive(resumableOpenBytes({ sessionId, token: narrow.ack.token, announced: false }));
        await eventually(() => narrow.count(MessageType.SessionOpenAck) === 2, 'it is answered');
        expect(narrow.ack.ack.sessionErrorCode).toBe(preview3.SessionErrorCode.ResumeRejected);
      }
    },
  );

  it('is not kept for a client that has said CLOSE', async () => {
    const { server, connect } = serving();
    const { transport, sessionId, token } = await opened(connect);
    const session = await server.accept();
    transport.receive(closeBytes(sessionId));
    await session.receiveClose();
    await session.ackClose();
    transport.receive(packetBytes(MessageType.Close));
    await eventually(() => server.connectionCount === 0, 'the connection is over');

    const next = await connect();
    next.receive(resumableOpenBytes({ sessionId, token, received: 0 }));
    await eventually(() => next.count(MessageType.SessionOpenAck) === 1, 'it is answered');
    expect(next.ack.ack.sessionErrorCode).toBe(preview3.SessionErrorCode.ResumeRejected);
  });

  it.each(['nothing', 'a packet'])(
    'leaves the token before good for a session that is over, until %s of it comes on the new connection',
    async (what) => {
      const { server, connect } = serving();
      const lost = await opened(connect);
      const session = await server.accept();
      lost.transport.abort(new TransportError('cut'));
      const again = await connect();
      again.receive(resumableOpenBytes({ sessionId: lost.sessionId, token: lost.token, received: 0 }));
      await eventually(() => again.count(MessageType.SessionOpenAck) === 1, 'it is resumed');
      await session.close({ inFlightPolicy: preview3.InFlightPolicy.Abort, drainTimeoutMs: 0 });
      if (what === 'a packet') again.receive(submitBytes(lost.sessionId, 1));
      again.abort(new TransportError('cut'));

      const next = await connect();
      next.receive(resumableOpenBytes({ sessionId: lost.sessionId, token: lost.token, received: 0 }));
      await eventually(() => next.count(MessageType.SessionOpenAck) === 1, 'it is answered');
      const { ResumeRejected, None } = preview3.SessionErrorCode;
      expect(next.ack.ack.sessionErrorCode).toBe(what === 'a packet' ? ResumeRejected : None);
    },
  );
});
