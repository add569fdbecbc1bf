import { once } from 'node:events';
import { afterEach, expect, it } from 'vitest';
import { within } from '../../../nnrp-runtime/src/testing/within.js';
import type { BareListener } from '../../../nnrp-runtime/test/support/carrier-contract.js';
import { quicCarrier } from '../support/quic-carrier.js';

let listener: BareListener;
afterEach(() => listener.close());

it('what is written after the peer has ended the connection is dropped, and the stream ends in order', async () => {
  listener = await quicCarrier.listenBare();
  const client = await quicCarrier.dial(listener.address);
  client.write('the last word');
  const server = await listener.accept();
  server.allowHalfOpen = true;
  const errors: Error[] = [];
  server.on('error', (error) => errors.push(error));
  const read: Buffer[] = [];
  server.on('data', (chunk: Buffer) => read.push(chunk));
  const ended = once(server, 'end');
  await once(server, 'data');
  const closed = once(server, 'close');
  client.destroy();
  await within(ended, 5000, 'the end of the connection');
  server.write('nobody is there');
  server.end();
  await within(closed, 5000, 'the stream to close');
  expect([Buffer.concat(read).toString(), errors, server.writableLength]).toEqual(['the last word', [], 0]);
});
