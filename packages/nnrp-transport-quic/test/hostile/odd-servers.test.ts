import { NnrpClient, NnrpServer } from 'nnrp-runtime';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { TestPacket } from '../../../nnrp-runtime/src/testing/test-packet.js';
import { QuicClientEndpointConfig } from '../../src/client-endpoint-config.js';
import type { ConnectionSettings } from '../../src/engine.js';
import { QuinnModule } from '../../src/module/quinn-module.js';
import { QuicConnector } from '../../src/quic-connector.js';
import { QuicFramedListener } from '../../src/quic-listener.js';
import { quinnEngine } from '../../src/quinn/quinn-engine.js';
import { QuicServerEndpointConfig } from '../../src/server-endpoint-config.js';
import { until } from '../support/until.js';

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

/** A listener whose transport parameters are not what ours would say. */
async function odd(change: Partial<ConnectionSettings>, streams = 1) {
  const { config, certificate } = QuicServerEndpointConfig.selfSignedLocalhost('127.0.0.1:0');
  const { configure } = QuinnModule.prototype;
  const changed = vi.spyOn(QuinnModule.prototype, 'configure').mockImplementation(function (
    this: QuinnModule,
    settings,
  ) {
    configure.call(this, { ...settings, ...change }, streams);
  });
  const listener = await QuicFramedListener.bind(config);
  undo.push(() => listener.close());
  expect(changed).toHaveBeenCalled();
  changed.mockRestore();
  return { listener, connector: new QuicConnector(listener.address, { roots: certificate.certificateDer }) };
}

describe('a client', () => {
  it('is told when the server allows no stream', async () => {
    const { connector } = await odd({}, 0);
    await expect(connector.connect()).rejects.toThrow(/the server allows no stream/);
  });

  it('sends everything to a server that at first takes two bytes', async () => {
    const { listener, connector } = await odd({ streamWindowBytes: 2 });
    const server = NnrpServer.fromListener(listener);
    undo.push(() => server.close());
    void server.serve({ submit: ({ body }) => body });
    const client = NnrpClient.fromTransport(await connector.connect());
    undo.push(() => client.close());
    const session = await client.openSession({ defaultDeadlineMs: 0 });
    const { body } = await (await session.submit('all of it')).result();
    expect(new TextDecoder().decode(body)).toBe('all of it');
  });

  it('leaves no socket behind when no handshake can even begin', async () => {
    const sockets = () => process.getActiveResourcesInfo().filter((name) => name === 'UDPWrap').length;
    const before = sockets();
    const { settings } = new QuicClientEndpointConfig();
    const serverName = 'x'.repeat(300);
    for (let count = 0; count < 5; count++) {
      const socket = quinnEngine.dial({ host: '127.0.0.1', port: 9 }, { ...settings, serverName });
      await expect(socket.connect()).rejects.toThrow();
    }
    await until(() => sockets() <= before, 'the sockets are closed');
    expect(() => new QuicConnector('127.0.0.1:9', { serverName })).toThrow(/^\[NNRP_ERR_USAGE\] serverName/);
  });
});

describe('a listener', () => {
  it('goes on with other connections when the handler of one throws', async () => {
    const { config, certificate } = QuicServerEndpointConfig.selfSignedLocalhost('127.0.0.1:0');
    const listener = await QuicFramedListener.bind(config);
    undo.push(() => listener.close());
    const connector = new QuicConnector(listener.address, { roots: certificate.certificateDer });
    const [bad, good] = [await connector.connect(), await connector.connect()];
    const [badFar, goodFar] = [await listener.accept(), await listener.accept()];
    undo.push(
      () => bad.abort(),
      () => good.abort(),
    );
    let got = 0;
    const rest = { broken() {}, drained() {}, closed() {} };
    const ended = new Promise<unknown>((resolve) => {
      badFar.start({
        ...rest,
        packet() {
          throw new Error('a fault of the handler');
        },
        closed: resolve,
      });
    });
    goodFar.start({ ...rest, packet: () => void got++ });
    for (const transport of [bad, good]) transport.start({ ...rest, packet() {} });
    // In one turn, so that both arrive in one.
    bad.send(new TestPacket(1, 10));
    good.send(new TestPacket(1, 10));
    expect(await ended).toMatchObject({ cause: { message: expect.stringContaining('a fault of the handler') } });
    for (let number = 2; number <= 5; number++) good.send(new TestPacket(number, 10));
    await until(() => got === 5, 'the other connection gets its packets');
  });

  it('shows a renewed certificate to new clients, while those that are there stay', async () => {
    const first = QuicServerEndpointConfig.selfSignedLocalhost('127.0.0.1:0');
    const second = QuicServerEndpointConfig.selfSignedLocalhost('127.0.0.1:0');
    const listener = await QuicFramedListener.bind(first.config);
    undo.push(() => listener.close());
    const connect = (roots: Uint8Array) => new QuicConnector(listener.address, { roots }).connect();
    const old = await connect(first.certificate.certificateDer);
    undo.push(() => old.abort());
    const far = await listener.accept();
    listener.renew(second.config);
    await expect(connect(first.certificate.certificateDer)).rejects.toThrow(/root|signature/);
    const renewed = await connect(second.certificate.certificateDer);
    undo.push(() => renewed.abort());
    const closes: string[] = [];
    far.start({ packet() {}, broken() {}, drained() {}, closed: () => closes.push('closed') });
    await new Promise((resolve) => setImmediate(resolve));
    expect(closes).toEqual([]);
    expect(() => listener.renew({} as QuicServerEndpointConfig)).toThrow(/expected a QuicServerEndpointConfig/);
  });
});
