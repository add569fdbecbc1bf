import { describe, expect, it, vi } from 'vitest';
import { NnrpClient } from '../../../src/client/client.js';
import { registerTransport } from '../../../src/transport/url/registry.js';
import { freePath } from '../ipc/ipc-carrier.js';
import { CERTIFIED, closedPort, connect, Relay, serve, silent, TRUSTING } from './ways.js';

describe('a client with several addresses', () => {
  it('takes the first that can be connected to, in their order', async () => {
    const path = `unix:${freePath()}`;
    const server = await serve([path, 'nnrp://127.0.0.1:0']);
    const tcp = `nnrp://${server.endpoints[1]?.localAddress}`;
    const first = await connect([path, tcp]);
    expect(first.remoteAddress).toBe(path);
    const second = await connect([await closedPort(), `unix:${freePath()}`, tcp, path]);
    expect(`nnrp://${second.remoteAddress}`).toBe(tcp);
    expect(second.toJSON()).toMatchObject({ transport: 'tcp' });
    const session = await second.openSession();
    expect((await session.request('hello')).text()).toBe('hello');
  });

  it('names each of them with its reason when none can be connected to', async () => {
    const closed = await closedPort();
    const path = freePath();
    const failing = NnrpClient.connect([closed, `unix:${path}`, `unix:${path}.d/x`]);
    const error = await failing.catch((caught: unknown) => caught);
    const host = closed.slice('nnrp://'.length);
    expect(error).toMatchObject({
      code: 'NNRP_ERR_TRANSPORT',
      rawMessage:
        `no address can be connected to: ${closed}: cannot connect to ${host}: nothing listens there (ECONNREFUSED); ` +
        `unix:${path}: cannot connect to unix:${path}: no socket is there (ENOENT); ` +
        `unix:${path}.d/x: cannot connect to unix:${path}.d/x: no socket is there (ENOENT)`,
    });
    expect(((error as Error).cause as AggregateError).errors).toHaveLength(3);
  });

  it('takes the next one when the first is silent', async () => {
    const server = await serve(['nnrps://127.0.0.1:0'], CERTIFIED);
    const addresses = [await silent(), `nnrps://${server.localAddress}`];
    const client = await connect(addresses, { ...TRUSTING, connectTimeoutMs: 2000 });
    expect(client.remoteAddress).toBe(server.localAddress);
  });

  it('names each when none answers, before the time over all is up', async () => {
    const addresses = [await silent(), await silent()];
    const { message } = await NnrpClient.connect(addresses, { connectTimeoutMs: 2000 }).catch((error) => error);
    const [first, second] = addresses.map(
      (address) => new RegExp(`${address}: [^;]*?(\\d+) ms[^;]*said nothing since`),
    );
    expect(message).toMatch(/no address can be connected to: /);
    // The second one is begun later, and has the rest of the time.
    const [firstMs, secondMs] = [first, second].map((expected) => Number(expected?.exec(message)?.[1]));
    expect(firstMs).toBeLessThanOrEqual(1900);
    expect(firstMs).toBeGreaterThan(secondMs as number);
    expect(secondMs).toBeGreaterThan(0);
    expect(secondMs).toBeLessThanOrEqual(1650);
  });

  it('never goes on in plain text where TLS fails', async () => {
    const server = await serve(['nnrps://127.0.0.1:0', 'nnrp://127.0.0.1:0'], CERTIFIED);
    const [sealed, plain] = server.endpoints.map(({ localAddress }) => localAddress);
    for (const addresses of [
      [`nnrps://${sealed}`, `nnrp://${plain}`],
      [`nnrp://${plain}`, `nnrps://${sealed}`],
      [`nnrps://${sealed}`, plain as string],
    ])
      await expect(NnrpClient.connect(addresses, TRUSTING)).rejects.toThrow(
        /is not encrypted and nnrps:.* is: .*expected/,
      );
    await expect(NnrpClient.connect([`nnrps://${sealed}`, `nnrps://${sealed}`])).rejects.toThrow(
      /certificate.*certificate/,
    );
    expect(server.connectionCount).toBe(0);
    // A socket of this machine is no network.
    const client = await connect([`unix:${freePath()}`, `nnrps://${sealed}`], TRUSTING);
    expect(client.remoteAddress).toBe(sealed);
  });

  it('is given up with its signal', async () => {
    const giveUp = new AbortController();
    const asked = vi.fn();
    registerTransport({
      scheme: 'test+stuck',
      isEncrypted: false,
      connector: () => ({
        kind: 'test',
        connect: () => {
          asked();
          giveUp.abort(new Error('changed my mind'));
          return new Promise(() => {});
        },
      }),
    });
    const addresses = ['test+stuck://a:1', 'test+stuck://b:1'];
    await expect(NnrpClient.connect(addresses, { signal: giveUp.signal })).rejects.toThrow('changed my mind');
    expect(asked).toHaveBeenCalledTimes(1);
  });

  it('comes back by the address that it had, by another one when that is gone, and says where it is', async () => {
    const server = await serve([`unix:${freePath()}`]);
    const tcp = await Relay.before(server.localAddress);
    const local = await Relay.before(server.localAddress, freePath());
    const client = await connect([await closedPort(), tcp.address, local.address]);
    const session = await client.openSession();
    const resumed = () =>
      new Promise((resolve) =>
        client.once('resumed', () => resolve([client.toJSON()['transport'], client.remoteAddress])),
      );
    expect([tcp.count, local.count]).toEqual([1, 0]);

    let back = resumed();
    tcp.cut();
    expect(await back).toEqual(['tcp', tcp.address.slice('nnrp://'.length)]);
    expect([tcp.count, local.count]).toEqual([2, 0]);

    back = resumed();
    tcp.close();
    expect(await back).toEqual(['ipc', local.address]);
    expect((await session.request('hello')).text()).toBe('hello');

    back = resumed();
    local.cut();
    expect(await back).toEqual(['ipc', local.address]);
    expect([tcp.count, local.count]).toEqual([2, 2]);
  });

  it.each(['be silent', 'hang up'] as const)('comes back by another one when the first takes to %s', async (mode) => {
    const server = await serve([`unix:${freePath()}`]);
    const [first, second] = [await Relay.before(server.localAddress), await Relay.before(server.localAddress)];
    const client = await connect([first.address, second.address], { openTimeoutMs: 50 });
    const session = await client.openSession();
    const resumed = new Promise((resolve) => client.once('resumed', resolve));
    first.mode = mode;
    first.cut();
    await resumed;
    expect([first.count, second.count]).toEqual([2, 1]);
    expect(client.remoteAddress).toBe(second.address.slice('nnrp://'.length));
    expect((await session.request('hello')).text()).toBe('hello');
  });
});
