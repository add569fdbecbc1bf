import { AsyncLocalStorage } from 'node:async_hooks';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Logger } from '../../src/base/application/logger.js';
import { NnrpClient } from '../../src/client/client.js';
import { NnrpServer } from '../../src/server/server.js';
import { eventually } from '../support/eventually.js';
import { Stage } from '../support/stage.js';

const stage = new Stage();
afterEach(async () => {
  await stage.clear();
  vi.restoreAllMocks();
});

type Line = [level: string, facts: Record<string, unknown>, message: string];

function recording(): Logger & { readonly lines: Line[] } {
  const lines: Line[] = [];
  const method = (level: string) => (facts: Record<string, unknown>, message: string) =>
    lines.push([level, facts, message]);
  return { lines, debug: method('debug'), info: method('info'), warn: method('warn'), error: method('error') };
}

/** What pino's serializer of errors (pino-std-serializers 6 and 7) makes the type of what has a message. */
function pinoType(err: Record<string, unknown>): unknown {
  const { constructor: made, name, type } = err;
  return (typeof made === 'function' ? made.name : name) ?? type;
}

const warnings = () => vi.spyOn(process, 'emitWarning').mockImplementation(() => {});

async function failing(logger: Logger, times = 1, said = 'broken') {
  const { server, client } = await stage.pair({ logger, maxInFlightOperations: 512 });
  void server.serve({
    submit: () => {
      throw new Error(said);
    },
  });
  const session = await client.openSession({ maxInFlightOperations: 512 });
  await Promise.allSettled(Array.from({ length: times }, () => session.request('secret work')));
  return { server, client, session };
}

describe('a logger', () => {
  it('takes a failure of a handler, in place of the warning, with nothing of the payload', async () => {
    const warned = warnings();
    const logger = recording();
    const { session } = await failing(logger, 1, 'broken \u001b[2J');
    await eventually(() => logger.lines.length > 0, 'there is a line');
    expect(logger.lines).toEqual([
      [
        'error',
        {
          sessionId: session.sessionId,
          frameId: 1,
          err: { type: 'Error', code: undefined, message: 'broken \\x1b[2J', stack: expect.stringContaining('broken') },
        },
        'nnrp: handlerFailure',
      ],
    ]);
    expect(JSON.stringify(logger.lines)).not.toContain('secret');
    expect(warned).not.toHaveBeenCalled();
  });

  it('that names errors after their constructor, as pino does, names those of the application by their type', async () => {
    const logger = recording();
    await failing(logger);
    await eventually(() => logger.lines.length > 0, 'there is a line');
    const [[, facts] = []] = logger.lines;
    const err = facts?.['err'] as Record<string, unknown>;
    expect(pinoType(err)).toBe('Error');
    expect(`${err}`).toBe('[object Object]');
    expect(Object.keys(err)).toEqual(['type', 'code', 'message', 'stack']);
  });

  it('is told beside the listeners of an event', async () => {
    const logger = recording();
    const { client, server } = await stage.pair({ logger, authorize: () => false });
    const heard: unknown[] = [];
    server.on('sessionRefused', (event) => heard.push(event));
    await expect(client.openSession()).rejects.toThrow();
    expect(heard).toHaveLength(1);
    expect(logger.lines.map(([level, , message]) => [level, message])).toEqual([['info', 'nnrp: sessionRefused']]);
    expect(logger.lines[0]?.[1]).toEqual({ remoteAddress: expect.any(String), errorCode: expect.any(Number) });
  });

  it('of a client takes its end', async () => {
    const logger = recording();
    const { client } = await stage.pair({}, { logger });
    await client.close();
    expect(
      logger.lines.map(([level, facts, message]) => [level, message, (facts as { err: { code: string } }).err.code]),
    ).toEqual([['info', 'nnrp: closed', 'NNRP_ERR_CLOSED']]);
  });

  it('gets a hundred lines of one message in a second, and how many were left out', async () => {
    let nowMs = 1_000_000;
    const logger = recording();
    const { session } = await failing(logger, 1);
    vi.spyOn(performance, 'now').mockImplementation(() => nowMs);
    nowMs += 2000;
    await Promise.allSettled(Array.from({ length: 150 }, () => session.request('work')));
    await eventually(() => logger.lines.length >= 101, 'a hundred are written');
    nowMs += 2000;
    await session.request('work').catch(() => {});
    await eventually(() => logger.lines.length >= 102, 'the next second has begun');
    expect(logger.lines).toHaveLength(102);
    expect(logger.lines.at(-1)?.[1]).toMatchObject({ leftOut: 50 });
  });

  it('is called in the async context in which it was handed over', async () => {
    const store = new AsyncLocalStorage<string>();
    const heard: unknown[] = [];
    const logger = { ...recording(), error: () => heard.push(store.getStore()) };
    const { client } = await store.run('made', async () => {
      const { server, client } = await stage.pair({ logger });
      void store.run('served', () =>
        server.serve({
          submit: () => {
            throw new Error('broken');
          },
        }),
      );
      return { client };
    });
    const session = await client.openSession();
    await store.run('submitted', () => session.request('work').catch(() => {}));
    await eventually(() => heard.length > 0, 'there is a line');
    expect(heard).toEqual(['made']);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('of the logger');
      },
    ],
    ['rejects', () => Promise.reject(new Error('of the logger'))],
  ])('that %s costs nothing, and is a warning once', async (_how, method) => {
    const warned = warnings();
    const logger = { debug: method, info: method, warn: method, error: method };
    const { client } = await failing(logger, 20);
    const other = await client.openSession();
    await expect(other.request('work')).rejects.toMatchObject({ code: 'NNRP_ERR_HANDLER_FAILED' });
    await eventually(() => warned.mock.calls.length > 0, 'it is said');
    expect(warned.mock.calls.map(([text]) => text)).toEqual(['the logger of the application has failed']);
  });

  it.each([null, {}, { info: () => {} }, 'console', () => {}])('is refused when it is %s', async (logger) => {
    const wrong = { logger: logger as never };
    const takes = /logger takes an object with the methods debug, info, warn, error/;
    await expect(NnrpServer.bindTcp('127.0.0.1:0', wrong)).rejects.toThrow(takes);
    await expect(NnrpClient.connectTcp('127.0.0.1:1', wrong)).rejects.toThrow(takes);
  });
});

it('without a logger nothing is written but the warning of a handler that fails', async () => {
  const warned = warnings();
  const spies = (['log', 'info', 'warn', 'error'] as const).map((name) => vi.spyOn(console, name));
  const { server, client } = await stage.pair();
  void server.serve({
    submit: () => {
      throw new Error('broken');
    },
  });
  const session = await client.openSession();
  await session.request('work').catch(() => {});
  await client.close();
  await eventually(() => warned.mock.calls.length > 0, 'it is said');
  expect(warned.mock.calls).toHaveLength(1);
  for (const spy of spies) expect(spy).not.toHaveBeenCalled();
});
