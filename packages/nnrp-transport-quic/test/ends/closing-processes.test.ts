import { createSocket } from 'node:dgram';
import { parseAddress } from 'nnrp-runtime/transport';
import { afterEach, expect, it } from 'vitest';
import { BareClient } from '../support/bare-client.js';
import { QuicProcess } from '../support/quic-process.js';
import { QuicStage } from '../support/quic-stage.js';

/** What a process may need to end after it has closed what it had. */
const END_MS = 3000;

const stage = new QuicStage();
const processes: QuicProcess[] = [];

afterEach(async () => {
  await Promise.all(processes.splice(0).map((started) => started.kill()));
  await stage.clear();
});

function started(end: QuicProcess): QuicProcess {
  processes.push(end);
  return end;
}

it('a client that has closed lets its process end', async () => {
  const server = await stage.echo();
  const client = started(QuicProcess.call('closes', server.localAddress, stage.certificate));
  expect(await client.next()).toEqual({ answer: 'ping' });
  expect(await client.next()).toEqual({ closed: true });
  await client.end(END_MS);
});

it('a client that has not keeps its process, as a socket does', async () => {
  const server = await stage.echo();
  const client = started(QuicProcess.call('stays', server.localAddress, stage.certificate));
  await client.next();
  await expect(client.end(500)).rejects.toThrow('timed out');
  await server.close();
  await client.end(END_MS);
});

it('a server that has closed lets its process end, also with clients that were connected', async () => {
  const server = started(QuicProcess.serve('closes'));
  const { address = '', certificate = '' } = await server.next();
  const roots = Buffer.from(certificate, 'base64');
  const clients = await Promise.all([1, 2, 3].map(() => stage.connect(address, { roots })));
  await Promise.all(clients.map((client) => client.openSession()));
  server.close();
  expect(await server.next()).toEqual({ closed: true });
  await server.end(END_MS);
});

it('a server that has closed lets its process end, also with handshakes that nobody goes on with', async () => {
  const server = started(QuicProcess.serve('closes'));
  const { address = '' } = await server.next();
  const { host, port } = parseAddress(address);
  const stranger = createSocket('udp4');
  for (let count = 0; count < 10; count++) stranger.send(BareClient.firstDatagram(address), port, host);
  // Its answers: by now the server has begun all of them.
  for (let count = 0; count < 10; count++) await new Promise((resolve) => stranger.once('message', resolve));
  server.close();
  expect(await server.next()).toEqual({ closed: true });
  await server.end(END_MS);
  stranger.close();
});
