import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { NnrpClient, NnrpServer } from '../../../src/index.js';
import { issue } from '../../support/certificates.js';
import { RecordPeer } from './record-peer.js';

const { certificate, key } = await issue({ name: 'CN=server', ips: ['127.0.0.1'] });
const PING = Buffer.from('NNRP'.padEnd(40, '\0'), 'latin1');
PING.set([1, 0, 0x20, 40], 4);

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

interface Stage {
  readonly server: NnrpServer;
  readonly lost: string[];
  readonly peer: RecordPeer;
}

async function stage(): Promise<Stage> {
  const server = await NnrpServer.bindTls('127.0.0.1:0', { certificateChain: certificate, privateKey: key });
  const lost: string[] = [];
  server.on('connectionLost', ({ error }) => void lost.push(error.message));
  void server.serve({ submit: ({ body }) => body });
  const peer = await RecordPeer.connect(Number(server.localAddress.split(':')[1]));
  cleanup.push(
    () => server.close(),
    () => peer.connection.destroy(),
  );
  return { server, lost, peer };
}

describe('records of TLS without data', () => {
  it('cost a peer its connection when they come in floods, and the server says so', async () => {
    const { server, lost, peer } = await stage();
    const client = await NnrpClient.connectTls(server.localAddress, { roots: certificate });
    cleanup.push(() => client.close());
    const session = await client.openSession();
    const closed = once(peer.connection, 'close');
    peer.connection.write(peer.keyUpdates(20_000));
    await closed;
    await expect
      .poll(() => lost)
      .toEqual([expect.stringMatching(/^\[NNRP_ERR_TRANSPORT] 127\.0\.0\.1:\d+: .*records of TLS that carry no data/)]);
    expect((await session.request('still')).text()).toBe('still');
  });

  it('may come between packets, which may be padded', async () => {
    const { server, lost, peer } = await stage();
    let answered = 0;
    for (let look = 0; look < 4; look++) {
      peer.connection.write(peer.keyUpdates(1000));
      for (let packet = 0; packet < 1000; packet++) peer.connection.write(peer.data(PING, 400));
      answered += 1000;
      await new Promise((resolve) => setTimeout(resolve, 600));
    }
    expect([lost, server.connectionCount, answered]).toEqual([[], 1, 4000]);
  });
});
