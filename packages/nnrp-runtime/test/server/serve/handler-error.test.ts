import { PeerError } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { HandlerFailure } from '../../../src/server/contract/server-events.js';
import { HandlerError } from '../../../src/server/failures/handler-error.js';
import type { HandlerErrorOptions } from '../../../src/server/failures/handler-error-options.js';
import type { ServeHandlers } from '../../../src/server/serve/serve-handlers.js';
import { textOf } from '../../support/described.js';
import { eventually } from '../../support/eventually.js';
import { SessionPeer } from '../../support/session-peer.js';
import { Stage } from '../../support/stage.js';

const stage = new Stage();
afterEach(async () => {
  vi.restoreAllMocks();
  await stage.clear();
});

/** How an operation ends that this handler works on, and what the server reports. */
async function outcomeOf(submit: ServeHandlers['submit']): Promise<{ error: PeerError; failures: HandlerFailure[] }> {
  const { server, client } = await stage.pair();
  const failures: HandlerFailure[] = [];
  server.on('handlerFailure', (failure) => failures.push(failure));
  void server.serve({ submit });
  const session = await client.openSession();
  const error = await (await session.submit('x')).result().catch((failure: unknown) => failure);
  return { error: error as PeerError, failures };
}

const LONG = `${'слово '.repeat(300)}end`;

describe('a handler that fails on purpose', () => {
  const on = (code: string, message: string, options?: HandlerErrorOptions) => new HandlerError(code, message, options);

  it.each<[string, ServeHandlers['submit']]>([
    [
      'at once',
      () => {
        throw on('a.b', LONG, { details: [1] });
      },
    ],
    ['by a promise', () => Promise.reject(on('a.b', LONG, { details: [1] }))],
    [
      'in a generator',
      function* () {
        yield 'part';
        throw on('a.b', LONG, { details: [1] });
      },
    ],
    [
      'in an async generator',
      async function* () {
        yield 'part';
        throw on('a.b', LONG, { details: [1] });
      },
    ],
  ])('tells the client code, message and details, and reports no defect: %s', async (_how, submit) => {
    const { error, failures } = await outcomeOf(submit);
    expect(error).toBeInstanceOf(PeerError);
    const { code, rawMessage, details, wireCode, retryAfterMs, isRetryable } = error;
    expect({ code, rawMessage, details }).toEqual({ code: 'a.b', rawMessage: LONG, details: [1] });
    expect([wireCode, retryAfterMs, isRetryable]).toEqual([preview3.ErrorCode.InternalError, 0, false]);
    expect(failures).toEqual([]);
  });

  it('tells when to try again, and which code stands on the wire', async () => {
    const { error } = await outcomeOf(() => {
      throw on('slow down', 'later', { retryAfterMs: 1500, wireCode: preview3.ErrorCode.ServerBusy });
    });
    expect([error.code, error.retryAfterMs, error.isRetryable, error.wireCode]).toEqual(['slow down', 1500, true, 11]);
    const { error: never } = await outcomeOf(() => {
      throw on('slow down', 'later', { retryAfterMs: 1500, retryable: false });
    });
    expect([never.retryAfterMs, never.isRetryable]).toEqual([1500, false]);
  });

  it('keeps its cause on the server', async () => {
    const { error } = await outcomeOf(() => {
      throw on('a', 'b', { cause: new Error('a secret') });
    });
    expect([JSON.stringify(error).includes('secret'), error.cause]).toEqual([false, undefined]);
  });

  it('may use the error of a second copy of this package', async () => {
    vi.resetModules();
    const copy = await import('../../../src/server/failures/handler-error.js');
    expect(copy.HandlerError).not.toBe(HandlerError);
    const { error, failures } = await outcomeOf(() => {
      throw new copy.HandlerError('of.copy', 'x', { details: { a: 1 }, retryAfterMs: 5 });
    });
    expect([error.code, error.details, error.retryAfterMs, failures]).toEqual(['of.copy', { a: 1 }, 5, []]);
  });

  it('fails by a defect when the error was changed until it does not fit any more', async () => {
    const { error, failures } = await outcomeOf(() => {
      throw Object.assign(on('a', 'b'), { code: 'NNRP_ERR_CLOSED' });
    });
    expect([error.code, failures.length]).toEqual(['NNRP_ERR_HANDLER_FAILED', 1]);
  });

  it('after its last answer is a defect: nobody hears of it otherwise', async () => {
    const { server, client } = await stage.pair();
    const failures: HandlerFailure[] = [];
    server.on('handlerFailure', (failure) => failures.push(failure));
    void server.serve({
      submit: async (operation) => {
        await operation.complete('z');
        throw on('too.late', 'x');
      },
    });
    await (await (await client.openSession()).submit('x')).result();
    await eventually(() => failures.length === 1, 'it is reported');
  });

  it('gives clients without details the first 256 bytes and the code on the wire', async () => {
    const server = await stage.serve();
    void server.serve({
      submit: () => {
        throw on('a.b', LONG, { retryAfterMs: 9, details: [1], wireCode: 77 });
      },
    });
    const peer = await SessionPeer.open(stage, server, { families: preview3.PeerMessages.ErrorClosePing });
    peer.submit(1);
    const packet = await peer.packet();
    expect(textOf(packet)).toBe(LONG.slice(0, new TextDecoder().decode(packet.body).length));
    const message = preview3.decodeErrorMessage(packet.view, packet.metadataStart);
    expect(message).toMatchObject({ errorCode: 77, retryAfterMs: 9, diagnosticBytes: packet.body.length });
    expect(packet.body.length).toBeLessThanOrEqual(256);
    expect(await peer.next()).toBe('drop 1');
  });
});

describe('a HandlerError', () => {
  it.each<[string, unknown[]]>([
    ['code', ['', 'x']],
    ['code', ['a\nb', 'x']],
    ['code', [' a', 'x']],
    ['code', ['a'.repeat(129), 'x']],
    ['code', ['NNRP_ERR_MINE', 'x']],
    ['code', [5, 'x']],
    ['message', ['a', undefined]],
    ['message', ['a', 'ж'.repeat(5000)]],
    ['retryAfterMs', ['a', 'x', { retryAfterMs: -1 }]],
    ['retryAfterMs', ['a', 'x', { retryAfterMs: 0.5 }]],
    ['retryable', ['a', 'x', { retryable: 'yes' }]],
    ['wireCode', ['a', 'x', { wireCode: 0 }]],
    ['wireCode', ['a', 'x', { wireCode: 2 ** 32 }]],
    ['details', ['a', 'x', { details: 1n }]],
    ['details', ['a', 'x', { details: () => {} }]],
    ['details', ['a', 'x', { details: 'x'.repeat(17_000) }]],
    ['details takes what JSON can hold, got an object of the kind Error', ['a', 'x', { details: new Error('y') }]],
    [
      'details takes what JSON can hold, got an object of the kind Map',
      ['a', 'x', { details: { m: new Map([[1, 2]]) } }],
    ],
    [
      'details takes what JSON can hold, got an object of the kind Uint8Array',
      ['a', 'x', { details: [new Uint8Array(1)] }],
    ],
    ["there is no option 'retryAfter'", ['a', 'x', { retryAfter: 1 }]],
    ['options', ['a', 'x', null]],
  ])('is refused where it is made when something does not fit: %s (%#)', (what, args) => {
    const make = () => Reflect.construct(HandlerError, args);
    expect(make).toThrow(expect.objectContaining({ code: 'NNRP_ERR_USAGE' }));
    expect(make).toThrow(what);
  });

  it('has its message in JSON', () => {
    const told = { code: 'a.b', message: 'why', details: { a: 1 }, retryAfterMs: 5, isRetryable: true, wireCode: 12 };
    expect(JSON.parse(JSON.stringify(new HandlerError('a.b', 'why', { details: { a: 1 }, retryAfterMs: 5 })))).toEqual({
      name: 'HandlerError',
      ...told,
    });
  });

  it('takes undefined for the default of every option', () => {
    const none = {
      retryAfterMs: undefined,
      details: undefined,
      retryable: undefined,
      wireCode: undefined,
      cause: undefined,
    };
    const error: HandlerError = Reflect.construct(HandlerError, ['a', 'x', none]);
    expect([error.retryAfterMs, error.isRetryable, error.wireCode, 'cause' in error]).toEqual([0, false, 12, false]);
    expect(error.name).toBe('HandlerError');
  });
});

describe('a defect of a handler', () => {
  it('is one warning when nobody listens, however often it happens, and none when somebody does', async () => {
    const warnings: string[] = [];
    vi.spyOn(process, 'emitWarning').mockImplementation((text, options) => {
      warnings.push(`${text} ${(options as { detail?: string })?.detail}`);
    });
    const { server, client } = await stage.pair();
    void server.serve({
      submit: () => {
        throw new Error('a defect');
      },
    });
    const session = await client.openSession();
    const fail = async () => (await session.submit('x')).result().catch(() => {});
    for (let count = 0; count < 20; count++) await fail();
    expect(warnings).toEqual([expect.stringMatching(/handler.*session \d+, frame 1.*a defect\n {4}at /s)]);
    server.on('handlerFailure', () => {});
    await fail();
    await server.close();
    expect(warnings).toEqual([expect.anything(), expect.stringContaining('19 more failures')]);
  });
});
