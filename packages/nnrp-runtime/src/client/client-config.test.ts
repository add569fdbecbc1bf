import { describe, expect, it } from 'vitest';
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
      hello: false,
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

  it('takes yes, no or the values of a hello', () => {
    for (const hello of [true, false, { latencyBudgetMs: 5 }]) expect(clientConfig({ hello }).hello).toBe(hello);
    for (const hello of ['yes', 5, null])
      expect(() => clientConfig({ hello: hello as never })).toThrow(refusal('hello'));
    expect(() => clientConfig({ announce: 'yes' as never })).toThrow(refusal('announce'));
  });
});
