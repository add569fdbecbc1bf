import { createSocket } from 'node:dgram';
import { parseAddress } from 'nnrp-runtime/transport';
import { afterEach, it } from 'vitest';
import { requireFreshBuilds } from '../../../../tools/fresh-build.mjs';
import {
  endAll,
  expectHeld,
  listening,
  settled,
  startEnd,
} from '../../../nnrp-runtime/test/processes/memory-bounds/driven-end.js';
import { BareClient } from '../support/bare-client.js';

/*
 * Handshakes that never finish, as many as there may be: what is held for them is what docs/memory.md says.
 */

const MOST = 1024;
const BYTES_OF_ONE = 164 * 1024;

afterEach(endAll);

it('handshakes that never finish hold what they are counted as', async () => {
  requireFreshBuilds('packages/nnrp-transport-quic');
  const at = new URL('../../dist/index.js', import.meta.url).href;
  const options = { retry: 'never', maxHandshakes: MOST, maxHandshakesPerAddress: 0, handshakeTimeoutMs: 100_000 };
  const given = { name: 'quicHandshakes', use: 'receive', package: { at, options } };
  const { child, said } = startEnd('server-end.mjs', JSON.stringify(given));
  const { host, port } = parseAddress(await listening(said));
  const socket = createSocket('udp4');
  // None is lost on the way: the next ones come when the last were answered.
  let answered: () => void = () => {};
  socket.on('message', () => answered());
  for (let sent = 0; sent < MOST * 1.1; sent += 16) {
    const answer = new Promise<void>((resolve) => {
      answered = resolve;
    });
    for (let count = 0; count < 16; count++) socket.send(BareClient.firstDatagram(`${host}:${port}`), port, host);
    await answer;
  }
  const measured = await settled(child, MOST);
  socket.close();
  expectHeld({ ...measured, counted: measured.counted * BYTES_OF_ONE }, true);
}, 60_000);
