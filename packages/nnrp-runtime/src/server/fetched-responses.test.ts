import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { eventually } from '../../test/eventually.js';
import { NnrpClient, NnrpServer, type ServeHandlers } from '../index.js';

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

/** An HTTP server that the handlers of these tests ask. */
async function upstream(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  cleanup.push(() => {
    server.closeAllConnections();
    server.close();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

async function called(submit: ServeHandlers['submit']) {
  const server = await NnrpServer.bindTcp('127.0.0.1:0', { drainTimeoutMs: 0 });
  cleanup.push(() => server.close());
  void server.serve({ submit });
  const client = await NnrpClient.connectTcp(server.localAddress);
  cleanup.push(() => client.close());
  return client.openSession({ defaultDeadlineMs: 0 });
}

it('a response of fetch is passed on as it comes', async () => {
  let go = () => {};
  const url = await upstream((_request, response) => {
    response.write('one ');
    go = () => response.end('two');
  });
  const session = await called(({ signal }) => fetch(url, { signal }));
  const said: string[] = [];
  for await (const text of (await session.submit('x')).text()) {
    said.push(text);
    go();
  }
  expect(said.filter((text) => text !== '')).toEqual(['one ', 'two']);
});

it('its request ends when its operation does, though it has no signal', async () => {
  const gone: string[] = [];
  const url = await upstream((_request, response) => {
    response.write('token ');
    response.on('close', () => gone.push('gone'));
  });
  const session = await called(() => fetch(url));
  for await (const result of await session.submit('x')) {
    expect(result.text()).toBe('token ');
    break;
  }
  await eventually(() => gone.length > 0, 'the upstream sees its client go');
});

it('a response of fetch that is cut fails the frame', async () => {
  const url = await upstream((_request, response) => {
    response.write('one ', () => response.destroy());
  });
  const session = await called(() => fetch(url));
  await expect((await session.submit('x')).result()).rejects.toMatchObject({ code: 'NNRP_ERR_HANDLER_FAILED' });
});
