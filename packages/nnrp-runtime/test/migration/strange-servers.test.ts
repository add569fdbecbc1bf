import { createServer, type Server, type Socket } from 'node:net';
import { PacketSplitter } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import { SESSION_OPEN_ACK } from '../../src/connection/sending/codecs.js';
import type { FramedConnector, FramedTransport } from '../../src/transport/contract/contract.js';
import { TcpConnector } from '../../src/transport/tcp/tcp.js';
import { bytesOfMessage, RecoveryServer } from '../client/recovery/recovery-server.js';
import { carrier } from '../support/carrier.js';
import { eventually } from '../support/eventually.js';
import { OPENED } from '../support/scripted-server.js';
import { packetBytes } from '../support/wire-packets.js';
import { type MovingServer, MovingStage, streaming, unmoved } from './moving-stage.js';

const { MessageType, SessionStatus } = preview3;

let stage = new MovingStage();
const open: Server[] = [];
const sockets: Socket[] = [];
afterEach(async () => {
  await stage.clear();
  await RecoveryServer.clear();
  stage = new MovingStage();
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of open.splice(0)) server.close();
});

/** A server that answers SESSION_OPEN in its own way. @returns how to connect to it */
async function answering(answer: (socket: Socket, sessionId: number) => void): Promise<TcpConnector> {
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    const splitter = new PacketSplitter();
    socket.on('data', (chunk: Buffer) => {
      splitter.push(new Uint8Array(chunk));
      for (let packet = splitter.next(); packet !== undefined; packet = splitter.next()) {
        if (packet.messageType === MessageType.Ping) socket.write(packetBytes(MessageType.Pong));
        if (packet.messageType !== MessageType.SessionOpen) continue;
        answer(socket, preview3.decodeSessionOpen(packet.view, packet.metadataStart).requestedSessionId);
      }
    });
  });
  open.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return new TcpConnector(`127.0.0.1:${(server.address() as { port: number }).port}`);
}

/** ERROR with four bytes of metadata. */
function shortError(): Uint8Array {
  const bytes = packetBytes(MessageType.Error, 0, 0, new Uint8Array(preview3.ERROR_MESSAGE_BYTES));
  const short = bytes.slice(0, preview3.COMMON_HEADER_BYTES + 4);
  new DataView(short.buffer).setUint32(preview3.COMMON_HEADER_OFFSETS.metaLen, 4, true);
  return short;
}

const ALIEN: preview3.ControlExtension = { type: 0x1234, critical: true, payload: Uint8Array.of(1) };

/** SESSION_OPEN_ACK of a server that resumes, and says that it has so many packets. */
function resumedAck(
  sessionId: number,
  position: number,
  fields: Partial<preview3.SessionOpenAck> = {},
  ...more: preview3.ControlExtension[]
): Uint8Array {
  const token = new Uint8Array(24).fill(7);
  const block = preview3.encodeControlExtensions([
    { type: preview3.PEER_MESSAGES_EXTENSION, critical: false, payload: preview3.encodePeerMessages() },
    { type: preview3.RESUME_POSITION_EXTENSION, critical: false, payload: preview3.encodeResumePosition(position) },
    ...more,
  ]);
  const metadata = {
    ...OPENED,
    sessionId,
    sessionStatus: SessionStatus.Resumed,
    resumeTokenBytes: token.length,
    resumeWindowMs: 10_000,
    sessionFlagsAck: preview3.SessionFlagsAck.ResumeEnabled,
    sessionExtensionBytes: block.length,
    ...fields,
  };
  const body = new Uint8Array(Buffer.concat([token, block]));
  return bytesOfMessage(MessageType.SessionOpenAck, sessionId, 0, SESSION_OPEN_ACK, metadata, body);
}

describe('a move to a server that', () => {
  it.each<[string, (socket: Socket, sessionId: number) => void, string, RegExp]>([
    [
      'answers by an ERROR that is cut short',
      (socket) => socket.write(shortError()),
      'NNRP_ERR_PROTOCOL',
      /ERROR: it is cut short/,
    ],
    [
      'answers by something that is no NNRP',
      (socket) => socket.write('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n'),
      'NNRP_ERR_TRANSPORT',
      /what it answers is no NNRP/,
    ],
    [
      'says that it has packets that were never sent',
      (socket, sessionId) => socket.write(resumedAck(sessionId, 1_000_000)),
      'NNRP_ERR_PROTOCOL',
      /it cannot have received so many packets/,
    ],
    [
      'resumes the session with another profile',
      (socket, sessionId) => socket.write(resumedAck(sessionId, 1, { acceptedProfileId: 1 })),
      'NNRP_ERR_TRANSPORT',
      /it knows nothing of session/,
    ],
    [
      'says something critical that nobody here knows',
      (socket, sessionId) => socket.write(resumedAck(sessionId, 1, {}, ALIEN)),
      'NNRP_ERR_PROTOCOL',
      /extension 0x1234 is critical and not known/,
    ],
    [
      'closes the connection in good order',
      (socket) => socket.write(packetBytes(MessageType.Close)),
      'NNRP_ERR_TRANSPORT',
      /closed/,
    ],
  ])('%s leaves everything where it was', async (_, answer, code, said) => {
    const place = await stage.serve();
    const streams = await streaming(stage, place);
    const moving = streams.client.migrate(await answering(answer));
    await expect(moving).rejects.toMatchObject({ code, rawMessage: expect.stringMatching(said) });
    await unmoved(stage, streams, place);
    await eventually(() => sockets.every((socket) => socket.destroyed), 'its connection is given up');
  });

  it('takes its time is no reason to give the old connection up, whatever is sent meanwhile', async () => {
    let late: () => void = () => {};
    const place = await stage.serve();
    const streams = await streaming(stage, place, { pingTimeoutMs: 60, keepAliveMs: 40, openTimeoutMs: 5000 });
    const connector = await answering((socket) => {
      late = () => socket.write(packetBytes(MessageType.Close));
    });
    const moving = streams.client.migrate(connector).catch((error: unknown) => error);
    await eventually(() => sockets.length === 1, 'it is asked');
    const ping = streams.client.ping();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(streams.heard).toEqual([]);
    late();
    expect(await moving).toMatchObject({ code: 'NNRP_ERR_TRANSPORT' });
    expect(await ping).toBeGreaterThan(0);
    await unmoved(stage, streams, place);
  });
});

describe('a move by a transport that', () => {
  const own = (place: MovingServer, change: (transport: FramedTransport) => void): FramedConnector => ({
    kind: 'own',
    connect: async () => {
      const transport = await place.tcp.connect();
      change(transport);
      return transport;
    },
  });
  const breaks = (): never => {
    throw new Error('it broke');
  };

  it.each<[string, (transport: FramedTransport) => void]>([
    ['throws when it is started', (transport) => void Object.assign(transport, { start: breaks })],
    ['throws when it sends', (transport) => void Object.assign(transport, { send: breaks })],
  ])('%s leaves everything where it was', async (_, change) => {
    const place = await stage.serve();
    const streams = await streaming(stage, place);
    await expect(streams.client.migrate(own(place, change))).rejects.toMatchObject({ code: 'NNRP_ERR_TRANSPORT' });
    await unmoved(stage, streams, place);
  });

  it('is the one in use is refused, and goes on', async () => {
    const place = await stage.serve();
    let used: Promise<FramedTransport> | undefined;
    const connector: FramedConnector = {
      kind: 'own',
      connect: () => {
        used ??= Promise.resolve(place.tcp.connect());
        return used;
      },
    };
    const client = await stage.client(connector);
    const session = await client.openSession();
    await expect(client.migrate(connector)).rejects.toThrow('the connection that is in use');
    const operation = await session.submit('work');
    stage.isGoing = false;
    expect((await operation.result()).text()).toMatch(/^last /);
    expect(place.server.connectionCount).toBe(1);
  });
});

describe('a second move', () => {
  it('that is begun as soon as the first has succeeded is a move of its own', async () => {
    const place = await stage.serve();
    const streams = await streaming(stage, place);
    let second: Promise<unknown> | undefined;
    streams.client.once('migrated', () => {
      second = streams.client.migrate(place.tcp);
    });
    await streams.client.migrate(place.tls);
    expect(await second).toMatchObject({ to: { remoteAddress: place.address(0) } });
    expect(streams.heard).toEqual(['migrated', 'migrated']);
    stage.isGoing = false;
    expect(await Promise.all(streams.reading)).toEqual(['whole', 'whole']);
  });

  it('that is aborted fails by itself, and can be made again', async () => {
    const place = await stage.serve();
    const streams = await streaming(stage, place);
    const giveUp = new AbortController();
    let second: Promise<unknown> | undefined;
    streams.client.once('migrated', () => {
      const nowhere: FramedConnector = { kind: 'own', connect: () => new Promise(() => {}) };
      second = streams.client.migrate(nowhere, { signal: giveUp.signal }).catch((error: unknown) => error);
    });
    await streams.client.migrate(place.tls);
    const reason = new Error('enough');
    giveUp.abort(reason);
    expect(await second).toBe(reason);
    await streams.client.migrate(place.tcp);
    stage.isGoing = false;
    expect(await Promise.all(streams.reading)).toEqual(['whole', 'whole']);
  });

  it('after one whose sessions were all lost on the way: the first has failed, and the client goes on', async () => {
    const before = await RecoveryServer.start();
    const after = await RecoveryServer.start();
    const { client, session } = await before.session();
    // The new server has the session, and both die before the client hears of it.
    before.verdict = after.verdict = () => 'no answer';
    after.sessions.set(session.sessionId, before.known(session));
    const reopened = new Promise((resolve) => client.once('reopened', resolve));
    const moving = client.migrate({ kind: 'own', connect: () => carrier.connect(after.address) });
    await eventually(() => after.links.length === 1 && after.link.opens.length === 1, 'it is asked');
    before.restart();
    after.restart();
    await expect(moving).rejects.toMatchObject({
      code: 'NNRP_ERR_TRANSPORT',
      rawMessage: expect.stringMatching(/has lost them all/),
    });
    await reopened;
    const operation = await session.submit('work');
    const server = before.sessions.size > 0 ? before : after;
    await eventually(() => server.submits(server.known(session)).length === 1, 'the submit has come');
    server.result(server.known(session), operation.frameId, 'done');
    expect((await operation.result()).text()).toBe('done');
  });
});
