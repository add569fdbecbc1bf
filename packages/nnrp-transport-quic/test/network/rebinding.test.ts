import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { parseAddress } from 'nnrp-runtime/transport';
import { afterEach, describe, expect, it } from 'vitest';
import { patterned } from '../support/patterned.js';
import { QuicStage } from '../support/quic-stage.js';

const MIB = 1024 * 1024;
/** How often a server follows. */
const MOVES = 7;

const stage = new QuicStage();
const sockets: Socket[] = [];
afterEach(async () => {
  await stage.clear();
  for (const socket of sockets.splice(0)) socket.close();
});

async function echoing() {
  const server = await stage.echo();
  const proxy = await stage.proxy(server);
  const client = await stage.connect(proxy.address);
  const session = await client.openSession();
  const echo = async (body: Uint8Array) => {
    const operation = await session.submit(body);
    const result = await operation.result();
    expect(Buffer.compare(result.body, body)).toBe(0);
  };
  await echo(patterned(100));
  return { server, proxy, echo };
}

describe('a session whose client gets another address from a router on the way', () => {
  it(`goes on, ${MOVES} times`, async () => {
    const { server, proxy, echo } = await echoing();
    for (let move = 1; move <= MOVES; move++) {
      proxy.rebind();
      await echo(patterned(5000 + move));
    }
    expect(server.connectionCount).toBe(1);
  });

  for (const direction of ['to-server', 'to-client'] as const) {
    it(`goes on in the middle of a body of 8 MiB, ${direction}, three times`, async () => {
      const { proxy, echo } = await echoing();
      let carried = 0;
      let moves = 0;
      proxy.filter = ({ length }, way) => {
        if (way === direction) carried += length;
        if (moves < 3 && carried > (moves + 1) * 2 * MIB) {
          moves++;
          // What is under way to the old address is lost.
          setImmediate(() => proxy.rebind());
        }
        return true;
      };
      await echo(patterned(8 * MIB));
      expect(moves).toBe(3);
    });
  }

  it('gets what the server has had to say meanwhile, once the client has shown a sign of life', async () => {
    const server = await stage.serve();
    const proxy = await stage.proxy(server);
    const client = await stage.connect(proxy.address, { keepAliveMs: 100 });
    const clientSession = await client.openSession();
    const session = await server.accept();
    const operation = await clientSession.submit('work');
    const { frameId } = await session.receiveSubmit();
    proxy.rebind();
    await session.sendResult(frameId, {}, patterned(MIB / 2));
    expect((await operation.result()).body.length).toBe(MIB / 2);
    const closing = clientSession.close();
    await session.ackClose(await session.receiveClose());
    await closing;
  });

  it.skipIf(process.platform === 'darwin')('goes on from three other hosts, one after the other', async () => {
    const { server, proxy, echo } = await echoing();
    for (let host = 2; host < 5; host++) {
      proxy.rebind(`127.0.0.${host}`);
      await echo(patterned(5000 + host));
    }
    await echo(patterned(MIB));
    expect(server.connectionCount).toBe(1);
  });

  it.skipIf(process.platform === 'darwin')(
    'is followed to three other hosts in half a minute, and no further',
    async () => {
      const { server, proxy, echo } = await echoing();
      const { host, port } = parseAddress(server.localAddress);
      const heard = new Map<string, number>();
      for (let victim = 2; victim < 10; victim++) {
        const address = `127.0.0.${victim}`;
        const socket = createSocket('udp4').on('message', () => heard.set(address, (heard.get(address) ?? 0) + 1));
        sockets.push(socket);
        socket.bind(0, address);
        await once(socket, 'listening');
        let isForged = false;
        // One datagram comes from there, and the client goes on from where it is.
        proxy.filter = (datagram, direction) => {
          if (isForged || direction !== 'to-server') return true;
          isForged = true;
          socket.send(Buffer.from(datagram), port, host);
          return false;
        };
        await echo(patterned(100 + victim));
      }
      expect(heard.size).toBe(3);
      expect(server.connectionCount).toBe(1);
    },
  );

  it('is not led astray by copies of its packets that come later from other addresses', async () => {
    const { server, proxy, echo } = await echoing();
    const { host, port } = parseAddress(server.localAddress);
    let lured = 0;
    for (let count = 0; count < 3 * MOVES; count++) {
      const socket = createSocket('udp4').on('message', () => lured++);
      sockets.push(socket);
      socket.bind(0, '127.0.0.1');
      await once(socket, 'listening');
    }
    let copied = 0;
    proxy.filter = (datagram, direction) => {
      const copy = Buffer.from(datagram);
      if (direction === 'to-server' && sockets.length > 0) {
        setImmediate(() => {
          for (const socket of sockets) socket.send(copy, port, host, () => copied++);
        });
      }
      return true;
    };
    await echo(patterned(MIB));
    proxy.filter = () => true;
    expect(copied).toBeGreaterThan(0);
    proxy.rebind();
    await echo(patterned(1000));
    expect(lured).toBe(0);
  });
});
