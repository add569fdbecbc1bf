import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, expect, it, vi } from 'vitest';
import { RecordingSink } from '../../../src/testing/recording-sink.js';
import { assertTestPacket, TestPacket } from '../../../src/testing/test-packet.js';
import { TlsConnector, TlsListener } from '../../../src/transport/tls/tls.js';
import { issue } from '../../support/certificates.js';

const server = await issue({ name: 'CN=server', ips: ['127.0.0.1'] });
const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

/* A write over TLS is never done at once. */

it('packets over TLS, each written in a turn of its own, use the same memory again', async () => {
  const tls = { certificateChain: server.certificate, privateKey: server.key };
  const listener = await TlsListener.bind('127.0.0.1:0', tls);
  const accepting = listener.accept();
  const near = await new TlsConnector(listener.address, { roots: server.certificate }).connect();
  const far = await accepting;
  cleanup.push(
    () => listener.close(),
    () => near.abort(),
    () => far.abort(),
  );
  const sink = new RecordingSink();
  far.start(sink);
  near.start(new RecordingSink());
  const allocated = vi.spyOn(Buffer, 'allocUnsafeSlow');
  cleanup.push(() => allocated.mockRestore());
  for (let number = 1; number <= 100; number++) {
    near.send(new TestPacket(number, 200));
    do await turn();
    while ((near.unsentBytes ?? 0) > 0);
  }
  await expect.poll(() => sink.packets.length).toBe(100);
  for (const [index, packet] of sink.packets.entries()) assertTestPacket(packet, index + 1, 200);
  expect(allocated.mock.calls.filter(([size]) => size >= 64 * 1024).length).toBeLessThan(3);
});
