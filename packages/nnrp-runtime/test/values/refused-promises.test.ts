import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { call } from '../../src/calls/index.js';
import type { ClientOperation } from '../../src/client/results/client-operation.js';
import { HandlerError } from '../../src/server/failures/handler-error.js';
import { BAGS, stage, use } from './option-bag-list.js';

/* A promise that is given for a value by mistake is refused; its own failure ends no process. */

const unhandled: unknown[] = [];
const note = (error: unknown) => void unhandled.push(error);
let others: NodeJS.UnhandledRejectionListener[] = [];

beforeEach(() => {
  others = process.listeners('unhandledRejection');
  process.removeAllListeners('unhandledRejection').on('unhandledRejection', note);
});
afterEach(async () => {
  await stage.turns(3);
  process.removeAllListeners('unhandledRejection');
  for (const other of others) process.on('unhandledRejection', other);
  await stage.clear();
});

/** Of the promises that were given: they fail once the call has. */
const failLater: (() => void)[] = [];
const promise = () => new Promise((_, reject) => failLater.push(() => reject(new Error('given by mistake'))));

const WAYS: Readonly<Record<string, () => unknown>> = {
  'a promise': promise,
  'a list of promises': () => [promise()],
  'an object with a promise': () => ({ within: promise() }),
};

/** Takes whatever it is given, and keeps it. A PeerIdentity may be an object of any sort. */
const ANYTHING: readonly string[] = ['cause', 'peerIdentity', 'reason'];

describe.each(Object.entries(BAGS))('%s', (_, bag) => {
  it.each(Object.entries(WAYS))('is refused with %s for any option, and that keeps its process', async (_way, give) => {
    const passed: string[] = [];
    for (const name of bag.names.filter((name) => !ANYTHING.includes(name))) {
      const error: unknown = await (async () => use(bag, { [name]: give() }))().then(
        () => 'has passed',
        (reason: unknown) => reason,
      );
      if ((error as { code?: string }).code !== 'NNRP_ERR_USAGE') passed.push(`${name}: ${error}`);
      for (const fail of failLater.splice(0)) fail();
      await stage.turns(2);
      for (const reason of unhandled.splice(0)) passed.push(`${name}: unhandled ${reason}`);
    }
    expect(passed).toEqual([]);
  });
});

describe('a promise that is given by mistake keeps its process', () => {
  const refused = async (call: () => unknown, message: RegExp) => {
    await expect((async () => call())()).rejects.toThrow(message);
    for (const fail of failLater.splice(0)) fail();
    await stage.turns(2);
    expect(unhandled.splice(0)).toEqual([]);
  };

  it('in what an error of a handler is made of', async () => {
    const failing = (code: unknown, message: unknown, given?: object) => () =>
      new HandlerError(code as string, message as string, given);
    await refused(failing(promise(), 'x'), /code takes text/);
    await refused(failing('OUT_OF_LUCK', promise()), /message takes text/);
    await refused(failing('OUT_OF_LUCK', 'x', { retryAfterMs: -1, details: [promise()] }), /retryAfterMs takes/);
    await refused(failing('OUT_OF_LUCK', 'x', { cause: promise() }), /cause .*did you forget await/);
    const within = /details takes values, got a promise within them: did you forget await/;
    await refused(failing('OUT_OF_LUCK', 'x', { details: { who: { deep: [{ down: [promise()] }] } } }), within);
  });

  it('in the metadata and the body of a call, which has to be awaited', async () => {
    const { clientSession } = await stage.session();
    const calling = (body: unknown, options?: object) => () => call(clientSession, 'route', body, options);
    await refused(calling('x', { metadata: { traceparent: promise() } }), /that of traceparent is none/);
    await refused(calling('x', { metadata: promise() }), /metadata .*did you forget await/);
    await refused(calling(promise()), /body takes values, got a promise within it: did you forget await/);
    await refused(calling({ messages: [{ content: promise() }] }), /body takes values, got a promise/);
  });

  it('as the reason to cancel, or to abort', async () => {
    const { clientSession } = await stage.session();
    const cancelled = async (cancel: (operation: ClientOperation) => void) => {
      const operation = await clientSession.submit('x');
      cancel(operation);
      await operation.result();
    };
    await refused(() => cancelled((operation) => operation.cancel(promise())), /was cancelled/);
    await refused(() => cancelled((operation) => operation.cancel({ reason: promise() })), /reason .*forget await/);
    const aborted = async () => {
      const controller = new AbortController();
      const operation = await clientSession.submit('x', { signal: controller.signal });
      controller.abort(promise());
      await operation.result();
    };
    await refused(aborted, /was cancelled/);
  });
});
