import { describe, expect, it } from 'vitest';
import type { SessionOpenContext } from '../../server/contract/policy.js';
import { NnrpServer } from '../../server/server.js';
import { NnrpClient } from '../client.js';
import { clientConfig } from './client-config.js';

const refusal = (option: string) =>
  expect.objectContaining({ code: 'NNRP_ERR_USAGE', message: expect.stringContaining(option) });

describe('the configuration of a client', () => {
  it('has its defaults: a keep-alive, no hello, an announcement', () => {
    expect(clientConfig({})).toEqual({
      connectTimeoutMs: 10_000,
      openTimeoutMs: 15_000,
      closeTimeoutMs: 5000,
      maxServerDrainMs: 30_000,
      deadlineGraceMs: 2000,
      requestTimeoutMs: 10_000,
      pingTimeoutMs: 5000,
      keepAliveMs: 15_000,
      maxPacketBytes: 64 * 1024 * 1024,
      maxBufferedResultBytes: 64 * 1024 * 1024,
      maxOutboxBytes: 64 * 1024 * 1024,
      maxWaitingSubmits: 65_536,
      announce: true,
      lenientResults: false,
      revision: 'preview3',
      hello: false,
      reconnect: 'resume',
      reconnectBackoffMs: 100,
    });
  });

  it.each(['requestTimeoutMs', 'pingTimeoutMs', 'maxOutboxBytes', 'maxWaitingSubmits'] as const)(
    'takes a positive integer as %s, and nothing else',
    (option) => {
      for (const value of [0, -1, 1.5, 2 ** 31, '5']) {
        expect(() => clientConfig({ [option]: value as number })).toThrow(refusal(option));
      }
      expect(clientConfig({ [option]: 1 })[option]).toBe(1);
    },
  );

  it('takes 0 as keepAliveMs, and no negative number', () => {
    expect(clientConfig({ keepAliveMs: 0 }).keepAliveMs).toBe(0);
    expect(() => clientConfig({ keepAliveMs: -1 })).toThrow(refusal('keepAliveMs'));
  });

  it('takes a way to reconnect, and a backoff of at least a millisecond', () => {
    expect(clientConfig({ reconnect: 'never' }).reconnect).toBe('never');
    for (const reconnect of ['always', true, null])
      expect(() => clientConfig({ reconnect: reconnect as never })).toThrow(refusal('reconnect'));
    expect(() => clientConfig({ reconnectBackoffMs: 0 })).toThrow(refusal('reconnectBackoffMs'));
  });

  it('takes yes, no or the values of a hello', () => {
    for (const hello of [true, false, { latencyBudgetMs: 5 }]) expect(clientConfig({ hello }).hello).toEqual(hello);
    for (const hello of ['yes', 5, null])
      expect(() => clientConfig({ hello: hello as never })).toThrow(refusal('hello'));
    expect(() => clientConfig({ announce: 'yes' as never })).toThrow(refusal('announce'));
    expect(() => clientConfig({ lenientResults: 1 as never })).toThrow(refusal('lenientResults'));
  });
});

it.each<[string, (bytes: Uint8Array) => void]>([
  ['wiped', (bytes) => void bytes.fill(42)],
  ['transferred', (bytes) => void structuredClone(bytes.buffer, { transfer: [bytes.buffer as ArrayBuffer] })],
])('a token of the configuration that is %s while the client connects is sent as it was', async (_name, spoil) => {
  const seen: string[] = [];
  const validateSessionOpen = (_open: unknown, { helloAuth }: SessionOpenContext) =>
    void seen.push(new TextDecoder().decode(helloAuth));
  const server = await NnrpServer.bindTcp('127.0.0.1:0', { applicationPolicy: { validateSessionOpen } });
  // It answers the close of the session.
  void server.serve({ submit: () => 'unused' });
  const auth = new TextEncoder().encode('secret');
  const connecting = NnrpClient.connectTcp(server.localAddress, { hello: { auth } });
  spoil(auth);
  const client = await connecting;
  await client.openSession();
  expect(seen).toEqual(['secret']);
  await client.close();
  await server.close();
});
