import type { SchemaRegistry } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import { NnrpClient } from '../../src/client/client.js';
import type { NnrpServerPolicy } from '../../src/server/contract/policy.js';
import type { NnrpServerOptions } from '../../src/server/contract/server-config.js';
import { NnrpServer } from '../../src/server/server.js';
import { MemoryListener, memoryPair } from '../../src/transport/memory.js';
import { Stage } from '../support/stage.js';

const stage = new Stage();
afterEach(() => stage.clear());

/** Every numeric option with its smallest and its largest value. */
const SERVER_NUMBERS: readonly (readonly [keyof NnrpServerOptions, number, number])[] = [
  ['resumeTokenBytes', 0, 4096],
  ['maxInFlightOperations', 0, 0xffff],
  ['grantedOperationCredit', 0, 0xffff],
  ['leaseTtlMs', 0, 0xffffffff],
  ['resumeWindowMs', 0, 0xffffffff],
  ['maxPacketBytes', 256, 0xffffffff],
  ['handshakeTimeoutMs', 1, 0x7fffffff],
  ['drainTimeoutMs', 0, 0x7fffffff],
  ['maxConnections', 1, 0xffffffff],
  ['maxSessions', 1, 0xffffffff],
  ['maxSessionsPerConnection', 1, 0xffffffff],
  ['maxQueuedSubmits', 1, 0xffffffff],
  ['maxQueuedBytes', 1, 0xffffffff],
];
const CLIENT_NUMBERS = [
  'connectTimeoutMs',
  'openTimeoutMs',
  'closeTimeoutMs',
  'maxPacketBytes',
  'maxBufferedResultBytes',
];
const NO_NUMBERS = [1.5, Number.NaN, Number.POSITIVE_INFINITY, '5', true, {}, 5n];

/** A refusal that names the option. */
const refusal = (option: string) =>
  expect.objectContaining({ code: 'NNRP_ERR_USAGE', message: expect.stringMatching(new RegExp(`\\b${option}\\b`)) });

const bind = (config: object) => NnrpServer.bindTcp('127.0.0.1:0', config as NnrpServerOptions);

describe('server options', () => {
  it.each(SERVER_NUMBERS)('refuse %s outside %d to %d, and whatever is no integer', async (option, least, most) => {
    for (const value of [least - 1, most + 1, ...NO_NUMBERS]) {
      await expect(bind({ [option]: value })).rejects.toEqual(refusal(option));
    }
    for (const value of [least, most, undefined]) {
      await (await bind({ [option]: value })).close();
    }
  });

  it.each([
    ['supportedProfiles', [[-1], [65_536], [1.5], ['2'], 2, 'token', {}]],
    ['schemaRegistry', [{}, 5, [preview3.TOKEN_DELTA_SCHEMA]]],
    ['applicationPolicy', [{}, () => {}, 5, null]],
    ['authorize', [{}, { validateSessionOpen: () => {} }, true, null]],
    ['transport', ['quic', 'memory', 5]],
    ['maxPacketByte', [1000]],
    ['constructor', [1000]],
  ])('refuse a bad %s', async (option, values) => {
    for (const value of values) await expect(bind({ [option]: value })).rejects.toEqual(refusal(option));
  });

  it('have the defaults of the reference configuration', async () => {
    const { config } = await stage.serve();
    expect(config).toMatchObject({
      transport: 'tcp',
      supportedProfiles: [2],
      resumeTokenBytes: 24,
      maxInFlightOperations: 4,
      grantedOperationCredit: 2,
      leaseTtlMs: 30_000,
      resumeWindowMs: 120_000,
      maxPacketBytes: 64 * 1024 * 1024,
    });
    const registry: SchemaRegistry = config.schemaRegistry;
    expect([...registry]).toEqual([preview3.TOKEN_DELTA_SCHEMA]);
    const policy: NnrpServerPolicy = config.applicationPolicy;
    expect(policy.validateSessionOpen).toBeTypeOf('function');
  });

  it.each([
    [{ maxInFlightOperations: 64 }, 64, 64],
    [{ maxInFlightOperations: 1 }, 1, 1],
    [{ maxInFlightOperations: 0 }, 0, 0xffff],
    [{ grantedOperationCredit: 64 }, 64, 64],
    [{ grantedOperationCredit: 1 }, 4, 1],
    [{ grantedOperationCredit: 0 }, 4, 0],
    [{ maxInFlightOperations: 64, grantedOperationCredit: 2 }, 64, 2],
    [{ maxInFlightOperations: 1, grantedOperationCredit: 2 }, 1, 2],
    [{ maxInFlightOperations: undefined, grantedOperationCredit: undefined }, 4, 2],
  ])('have one limit of what is in flight follow from the other: %j', async (given, most, credit) => {
    const { config } = await stage.serve(given);
    expect([config.maxInFlightOperations, config.grantedOperationCredit]).toEqual([most, credit]);
  });

  it('reach the acknowledgement', async () => {
    const given = { maxInFlightOperations: 9, grantedOperationCredit: 3, leaseTtlMs: 1, resumeWindowMs: 2 };
    const server = await stage.serve(given);
    const client = await stage.connect(server);
    expect((await client.openSession()).ack).toMatchObject(given);
  });
});

describe('client options', () => {
  it.each(CLIENT_NUMBERS)('refuse %s outside 1 to 2147483647, and whatever is no integer', async (option) => {
    const [transport] = memoryPair();
    for (const value of [0, -1, 0x80000000, ...NO_NUMBERS]) {
      expect(() => NnrpClient.fromTransport(transport, { [option]: value })).toThrow(refusal(option));
      await expect(NnrpClient.connectTcp('127.0.0.1:1', { [option]: value })).rejects.toEqual(refusal(option));
    }
    for (const value of [1, 0x7fffffff, undefined]) {
      const [own] = memoryPair();
      await NnrpClient.fromTransport(own, { [option]: value }).close();
    }
  });

  it('refuse names that do not exist', () => {
    const [transport] = memoryPair();
    const config = { timeoutMs: 5 } as object;
    expect(() => NnrpClient.fromTransport(transport, config)).toThrow(refusal('timeoutMs'));
  });
});

describe('addresses', () => {
  const bad = [
    '127.0.0.1',
    ':5',
    '127.0.0.1:',
    '127.0.0.1:65536',
    '127.0.0.1:x',
    '::1:80',
    '',
    '127.0.0.1:-1',
    'a:b:1',
  ];

  it.each(bad)("refuse '%s', and show it", async (address) => {
    const shown = expect.objectContaining({ code: 'NNRP_ERR_USAGE', message: expect.stringContaining(`'${address}'`) });
    await expect(NnrpServer.bindTcp(address)).rejects.toEqual(shown);
    await expect(NnrpClient.connectTcp(address)).rejects.toEqual(shown);
  });

  it('come as text, as host and port, and with IPv6 in brackets', async () => {
    for (const address of ['127.0.0.1:0', { host: '127.0.0.1', port: 0 }, '[::1]:0']) {
      const server = await NnrpServer.bindTcp(address);
      const client = await NnrpClient.connectTcp(server.localAddress, { closeTimeoutMs: 1 });
      await client.openSession();
      await client.close();
      await server.close();
    }
  });
});

describe('a listener', () => {
  it('must be of the kind that the configuration names', async () => {
    const listener = new MemoryListener();
    expect(() => NnrpServer.fromListener(listener, { transport: 'tcp' })).toThrow(/transport is 'tcp', .* is memory/);
    const server = NnrpServer.fromListener(listener, { transport: 'memory' });
    expect([server.config.transport, server.localAddress]).toEqual(['memory', 'memory']);
    await server.close();
  });

  it('of any kind serves when the configuration names none', async () => {
    const listener = new MemoryListener();
    const server = NnrpServer.fromListener(listener);
    const client = NnrpClient.fromTransport(await listener.connect(), { closeTimeoutMs: 1 });
    await client.openSession({ requestedSessionId: 3 });
    expect((await server.accept()).sessionId).toBe(3);
    await client.close();
    await server.close();
  });

  it('cannot have a port that is taken, and the refusal names it', async () => {
    const server = await stage.serve();
    await expect(NnrpServer.bindTcp(server.localAddress)).rejects.toMatchObject({
      code: 'NNRP_ERR_TRANSPORT',
      message: expect.stringContaining(server.localAddress),
    });
    const client = await stage.connect(server);
    await client.openSession();
  });

  it('gives its port back when the server is closed', async () => {
    const server = await NnrpServer.bindTcp('127.0.0.1:0');
    const address = server.localAddress;
    await server.close();
    await (await NnrpServer.bindTcp(address)).close();
  });

  it('that nobody listens on is a transport error for a client', async () => {
    const server = await NnrpServer.bindTcp('127.0.0.1:0');
    await server.close();
    await expect(NnrpClient.connectTcp(server.localAddress)).rejects.toMatchObject({ code: 'NNRP_ERR_TRANSPORT' });
  });
});
