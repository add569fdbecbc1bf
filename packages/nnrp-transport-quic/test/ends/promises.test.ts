import { afterEach, expect, it } from 'vitest';
import { BareClient } from '../support/bare-client.js';
import { QuicStage } from '../support/quic-stage.js';
import { until } from '../support/until.js';

const KIB = 1024;
const MIB = 1024 * KIB;

const stage = new QuicStage();
const clients: BareClient[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await stage.clear();
});

async function newClient(address: string): Promise<BareClient> {
  const client = await BareClient.connected(address);
  clients.push(client);
  return client;
}

/** @returns bytes that it may send before any were read, a megabyte at most */
const firstWindow = (client: BareClient) => client.write(Buffer.alloc(MIB));

it('a server that has promised much of its memory promises newcomers less, until others have gone', async () => {
  const server = await stage.echo({ streamWindowBytes: 256 * MIB });
  const { localAddress } = server;
  const first = await newClient(localAddress);
  expect(firstWindow(await newClient(localAddress))).toBe(64 * KIB);
  expect(firstWindow(first)).toBe(MIB);
  for (const client of clients) client.close(0, '');
  await until(() => stage.inside(server).connections === 0, 'they have gone');
  expect(firstWindow(await newClient(localAddress))).toBe(MIB);
});
