import { afterEach, describe, expect, it } from 'vitest';
import type { ServeHandlers } from '../../../src/index.js';
import type { HandlerFailure } from '../../../src/server/contract/server-events.js';
import { Stage } from '../../support/stage.js';

const stage = new Stage();
afterEach(() => stage.clear());

/** A session with a server that has this handler. */
async function called(submit: ServeHandlers['submit']) {
  const { server, client } = await stage.pair();
  const failures: HandlerFailure[] = [];
  server.on('handlerFailure', (failure) => failures.push(failure));
  void server.serve({ submit });
  const session = await client.openSession({ defaultDeadlineMs: 0 });
  return { session, failures };
}

describe('a stream that is none', () => {
  const steps = (next: () => unknown) => ({ [Symbol.asyncIterator]: () => ({ next }) });

  it.each<[string, unknown, string]>([
    ['gives no step', steps(() => undefined), 'result stream: a step is an object with done and value, got undefined'],
    [
      'gives a number for a step',
      steps(async () => 5),
      'result stream: a step is an object with done and value, got 5',
    ],
    [
      'has no iterator',
      { [Symbol.asyncIterator]: () => {} },
      'result stream: [Symbol.asyncIterator]() gives an iterator with a method next, got undefined',
    ],
    [
      'has a promise for an iterator',
      { [Symbol.asyncIterator]: () => Promise.reject(new Error('unheard')) },
      'result stream: [Symbol.asyncIterator]() gives an iterator with a method next, got an object of the kind Promise, a promise: did you forget await?',
    ],
    [
      'has a reader that cannot read',
      { getReader: () => ({}) },
      'result stream: getReader() gives a reader with a method read, got an object',
    ],
    [
      'is a response with a body that is no stream',
      { ok: true, status: 200, arrayBuffer: () => {}, body: 5 },
      'result: body of the response takes a stream or null, got 5',
    ],
  ])('that %s fails with what it should be', async (_what, source, text) => {
    const { session, failures } = await called(() => source as never);
    await expect((await session.submit('x')).result()).rejects.toMatchObject({ code: 'NNRP_ERR_HANDLER_FAILED' });
    expect(failures).toMatchObject([{ error: { rawMessage: text } }]);
  });

  it('but a list that says it is endless is refused by its first entry', async () => {
    let asked = 0;
    const list = new Proxy([], {
      get: (target, name) => {
        if (name === 'length') return 5000;
        if (/^\d+$/.test(String(name))) asked++;
        return Reflect.get(target, name);
      },
      has: (_target, name) => {
        if (/^\d+$/.test(String(name))) asked++;
        return true;
      },
    });
    const { session, failures } = await called(() => list as never);
    await expect((await session.submit('x')).result()).rejects.toMatchObject({ code: 'NNRP_ERR_HANDLER_FAILED' });
    expect(failures).toMatchObject([{ error: { rawMessage: expect.stringContaining('chunk 0') } }]);
    expect(asked).toBeLessThan(10);
  });
});

describe('a stream of steps that are odd', () => {
  /** Three parts, then the end. */
  function counted(step: (value: string, isLast: boolean) => unknown) {
    let count = 0;
    return { [Symbol.asyncIterator]: () => ({ next: () => step(`part ${count}`, count++ === 3) }) };
  }

  /** What a client reads of it. */
  async function read(submit: ServeHandlers['submit']) {
    const { session, failures } = await called(submit);
    const texts: string[] = [];
    for await (const result of await session.submit('x')) texts.push(result.text());
    return { texts, failures };
  }
  const whole = { texts: ['part 0', 'part 1', 'part 2', 'part 3'], failures: [] };

  it('ends by whatever is true, as for await has it', async () => {
    const source = counted(async (value, isLast) => ({ value, done: isLast ? 1 : 0 }));
    expect(await read(() => source as never)).toEqual(whole);
  });

  it.each<[string, (yes: (step: unknown) => void, step: unknown) => void]>([
    [
      'calls back twice',
      (yes, step) => {
        for (let call = 0; call < 2; call++) queueMicrotask(() => yes(step));
      },
    ],
    ['never calls back', () => {}],
    [
      'throws',
      () => {
        throw new Error('then');
      },
    ],
  ])('is read as by await where a promise has a then of its own that %s', async (_what, then) => {
    const source = counted((value, done) => {
      const step = { value, done };
      return Object.defineProperty(Promise.resolve(step), 'then', {
        value: (yes: (step: unknown) => void) => then(yes, step),
      });
    });
    expect(await read(() => source as never)).toEqual(whole);
  });
});

it('an object with very many names is refused in a short text', async () => {
  const names = Array.from({ length: 1000 }, (_, at) => [`name-${at}`, at]);
  const { session, failures } = await called(() => Object.fromEntries(names));
  await expect((await session.submit('x')).result()).rejects.toMatchObject({ code: 'NNRP_ERR_HANDLER_FAILED' });
  const [{ error } = { error: undefined }] = failures;
  expect(error).toMatchObject({ rawMessage: expect.stringContaining('got an object with name-0, name-1') });
  expect((error as Error).message.length).toBeLessThan(300);
});
