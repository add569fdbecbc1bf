import { setImmediate } from 'node:timers/promises';
import { UsageError } from 'nnrp-core';
import type { NnrpServer } from 'nnrp-runtime';
import { parseAddress } from 'nnrp-runtime/transport';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { UdpSocket } from '../../src/udp/udp-socket.js';
import { BareClient } from '../support/bare-client.js';
import { QuicStage } from '../support/quic-stage.js';
import { until } from '../support/until.js';

/** These tests are about the loss itself, which recovery would mend. */
const NEVER = { reconnect: 'never' } as const;

const stage = new QuicStage();
const sockets: UdpSocket[] = [];

afterEach(async () => {
  vi.restoreAllMocks();
  sockets.length = 0;
  await stage.clear();
});

/** Notes the sockets that are bound from now on. */
function noteSockets(): void {
  const bind = UdpSocket.bind.bind(UdpSocket);
  vi.spyOn(UdpSocket, 'bind').mockImplementation(async (local) => {
    const socket = await bind(local);
    sockets.push(socket);
    return socket;
  });
}

/** As the system reports that a port is closed, which needs no more than a packet of ICMP with the right ports. */
function saidToBeClosed(socket: UdpSocket | undefined): void {
  socket?.sink?.failed(Object.assign(new Error('recvmsg ECONNREFUSED'), { code: 'ECONNREFUSED' }));
}

describe('a client that is told again and again that nobody listens', () => {
  it('keeps its connection while the server answers', async () => {
    const server = await stage.echo();
    noteSockets();
    const session = await (await stage.connect(server.localAddress, {}, NEVER)).openSession();
    const begun = performance.now();
    while (performance.now() - begun < 1000) {
      for (let count = 0; count < 10; count++) saidToBeClosed(sockets[0]);
      const { body } = await (await session.submit('still there')).result();
      expect(Buffer.from(body).toString()).toBe('still there');
    }
  });

  it('keeps it when it has nothing to say: the server is asked', async () => {
    const server = await stage.echo();
    noteSockets();
    const session = await (await stage.connect(server.localAddress, { keepAliveMs: 0 }, NEVER)).openSession();
    const begun = performance.now();
    while (performance.now() - begun < 1000) {
      saidToBeClosed(sockets[0]);
      await setImmediate();
    }
    await (await session.submit('still there')).result();
  });

  it('does not go on with a handshake', async () => {
    const server = await stage.echo();
    const proxy = await stage.proxy(server);
    proxy.dark = true;
    noteSockets();
    const connecting = stage.connect(proxy.address, { handshakeTimeoutMs: 60_000 });
    const refused = expect(connecting).rejects.toThrow(/nothing listens there \(ECONNREFUSED\)/);
    await until(() => sockets[0]?.sink !== undefined, 'it has begun');
    saidToBeClosed(sockets[0]);
    await refused;
  });
});

describe('datagrams from port 0', () => {
  it('get no answer, and no warning: nothing can be sent there', async () => {
    const warnings = vi.spyOn(process, 'emitWarning');
    noteSockets();
    const server = await stage.echo();
    const first = BareClient.firstDatagram(server.localAddress);
    const ofOtherVersion = Buffer.from(first);
    ofOtherVersion.writeUInt32BE(0x1a2a_3a4a, 1);
    const from = { address: '127.0.0.1', family: 'IPv4', port: 0, size: 0 } as const;
    for (const datagram of [first, ofOtherVersion]) {
      // As the socket hands them over.
      expect(() => sockets[0]?.sink?.datagram(datagram, from)).not.toThrow();
    }
    expect(stage.inside(server)).toEqual({ handshakes: 0, connections: 0, inModule: 0 });
    expect(warnings).not.toHaveBeenCalled();
  });
});

describe('a server that is closed by its own callback', () => {
  /** As many handshakes that are under way. */
  async function halfOpen(server: NnrpServer, count: number): Promise<void> {
    const { host, port } = parseAddress(server.localAddress);
    for (let from = 1; from <= count; from++) {
      const datagram = BareClient.firstDatagram(server.localAddress);
      sockets[0]?.sink?.datagram(datagram, { address: host, family: 'IPv4', port: from, size: datagram.length });
      if (from % 50 === 0) await setImmediate();
    }
    expect(port).toBeGreaterThan(0);
    await until(() => stage.inside(server).handshakes === count, 'all of them have begun');
  }

  it('tells it once of each handshake, however many there are', async () => {
    noteSockets();
    const errors: Error[] = [];
    const limits = {
      maxHandshakes: 1000,
      maxHandshakesPerAddress: 0,
      retry: 'never',
      handshakeTimeoutMs: 60_000,
    } as const;
    const server = await stage.echo({
      ...limits,
      onHandshakeFailure: (error) => {
        errors.push(error);
        void server.close();
      },
    });
    const warnings = vi.spyOn(process, 'emitWarning');
    await halfOpen(server, 1000);
    await server.close();
    expect(errors).toHaveLength(1000);
    expect(errors.filter((error) => error instanceof UsageError)).toEqual([]);
    expect(new Set(errors.map(({ message }) => /closed/.test(message)))).toEqual(new Set([true]));
    expect(warnings).not.toHaveBeenCalled();
  });
});
