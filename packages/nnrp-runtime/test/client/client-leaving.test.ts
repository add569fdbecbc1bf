import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { ClientOperation } from '../../src/client/results/client-operation.js';
import type { ResultStream } from '../../src/client/results/result-stream.js';
import type { OperationContext } from '../../src/server/contract/contract.js';
import { eventually } from '../support/eventually.js';
import { Stage } from '../support/stage.js';

const stage = new Stage();
afterEach(() => stage.clear());

/** An operation that streams until nobody wants it any more, as the server and as the client see it. */
async function streaming() {
  const { server, client } = await stage.pair();
  const works: OperationContext[] = [];
  void server.serve({
    async *submit(work) {
      works.push(work);
      while (!work.signal.aborted) yield 'part';
    },
  });
  const session = await client.openSession();
  const operation = await session.submit('work');
  await eventually(() => works.length === 1, 'the work has begun');
  return { session, operation, work: works[0] as OperationContext };
}

const enough = new Error('enough');

/** Every way to leave a loop, after its first result. */
const WAYS: Record<string, (operation: ClientOperation) => Promise<unknown>> = {
  'a break': async (operation) => {
    for await (const _ of operation) break;
  },
  'a return': async (operation) => {
    for await (const result of operation) return result;
    return undefined;
  },
  'a throw in its body': async (operation) => {
    for await (const _ of operation) throw enough;
  },
  'return() of its iterator': async (operation) => {
    const loop = operation[Symbol.asyncIterator]();
    await loop.next();
    await loop.return?.();
  },
  'throw() of its iterator': async (operation) => {
    const loop = operation[Symbol.asyncIterator]();
    await loop.next();
    await loop.throw?.(enough);
  },
  'return() before the first result': async (operation) => {
    await operation[Symbol.asyncIterator]().return?.();
  },
  'the end of its block': async (operation) => {
    await using own = operation;
    expect(own).toBe(operation);
  },
  'a stream that is destroyed': async (operation) => {
    const stream = Readable.from(operation);
    await new Promise((resolve) => stream.once('data', resolve));
    const closed = new Promise((resolve) => stream.once('close', resolve));
    stream.destroy();
    await closed;
  },
  'a stream that is destroyed with an error': async (operation) => {
    const stream = Readable.from(operation);
    const failed = new Promise((resolve) => stream.once('error', resolve));
    stream.destroy(enough);
    await failed;
  },
  'a pipeline that fails': async (operation) => {
    const sink = new Writable({ objectMode: true, write: (_result, _encoding, done) => done(enough) });
    await pipeline(operation, sink);
  },
};

describe('a loop over the results of an operation that is left early', () => {
  it.each(Object.keys(WAYS))('by %s cancels the operation and gives its slot back', async (way) => {
    const { session, operation, work } = await streaming();
    await WAYS[way]?.(operation).catch((error: unknown) => expect(error).toBe(enough));
    await eventually(() => work.signal.aborted, 'the work is cancelled');
    expect(work.signal.reason).toMatchObject({ code: 'NNRP_ERR_CANCELLED' });
    await eventually(() => session.inFlightCount === 0, 'the slot is given back');
    await expect(operation.result()).rejects.toMatchObject({ code: 'NNRP_ERR_CANCELLED' });
  });
});

/** Every way to leave the loop over all results of a session. */
const WAYS_OF_A_SESSION: Record<string, (results: ResultStream, count: number) => Promise<unknown>> = {
  'a break': async (results, count) => {
    let seen = 0;
    for await (const _ of results) if (++seen === count) break;
  },
  'a throw in its body': async (results, count) => {
    let seen = 0;
    for await (const _ of results) if (++seen === count) throw enough;
  },
  'return() while it waits': async (results, count) => {
    const loop = results[Symbol.asyncIterator]();
    for (let seen = 0; seen < count; seen++) await loop.next();
    const waiting = loop.next();
    await loop.return?.();
    expect(await waiting).toEqual({ done: true, value: undefined });
  },
  'a stream that is destroyed': async (results, count) => {
    const stream = Readable.from(results);
    let seen = 0;
    const closed = new Promise((resolve) => stream.once('close', resolve));
    stream.on('data', () => {
      if (++seen === count) stream.destroy();
    });
    await closed;
  },
};

describe('a loop over the results of a session that is left', () => {
  it.each(Object.keys(WAYS_OF_A_SESSION))('by %s cancels what it has read, and the session works on', async (way) => {
    const { session, clientSession } = await stage.session();
    const results = clientSession.results();
    const operations = [await clientSession.submit('one'), await clientSession.submit('two')];
    const works = [await session.receiveSubmit(), await session.receiveSubmit()];
    for (const work of works) await work.push('part');
    await WAYS_OF_A_SESSION[way]?.(results, 2).catch((error: unknown) => expect(error).toBe(enough));
    await eventually(() => works.every(({ signal }) => signal.aborted), 'the work is cancelled');
    for (const operation of operations)
      await expect(operation.result()).rejects.toMatchObject({ code: 'NNRP_ERR_CANCELLED' });
    const next = await clientSession.submit('next');
    await (await session.receiveSubmit()).complete('done');
    expect(new TextDecoder().decode((await next.result()).body)).toBe('done');
    expect(clientSession.inFlightCount).toBe(0);
  });

  it('while results wait unread cancels their operations as well: those results are gone', async () => {
    const { client, session, clientSession } = await stage.session();
    const results = clientSession.results();
    const operation = await clientSession.submit('work');
    const work = await session.receiveSubmit();
    await work.push('part');
    await client.ping();
    Readable.from(results).destroy();
    await eventually(() => work.signal.aborted, 'the work is cancelled');
    await expect(operation.result()).rejects.toMatchObject({ code: 'NNRP_ERR_CANCELLED' });
  });
});

describe('an operation goes on', () => {
  async function stepwise() {
    const { session, clientSession, client, server } = await stage.session();
    const operation = await clientSession.submit('work');
    const work = await session.receiveSubmit();
    return { session, clientSession, client, server, operation, work };
  }

  it('when its loop is left after result() was asked for', async () => {
    const { operation, work } = await stepwise();
    const loop = operation[Symbol.asyncIterator]();
    const last = operation.result();
    await work.push('part');
    await loop.next();
    await loop.return?.();
    await work.complete('end');
    expect(new TextDecoder().decode((await last).body)).toBe('end');
  });

  it('when its block ends after result() was asked for', async () => {
    const { operation, work } = await stepwise();
    const last = operation.result();
    {
      await using _own = operation;
    }
    await work.complete('end');
    expect(new TextDecoder().decode((await last).body)).toBe('end');
  });

  it('when the loop over the results of the whole session is left after result() was asked for', async () => {
    const { clientSession, operation, work } = await stepwise();
    const all = clientSession.results()[Symbol.asyncIterator]();
    const last = operation.result();
    await work.push('part');
    await all.next();
    await all.return?.();
    await work.complete('end');
    expect(new TextDecoder().decode((await last).body)).toBe('end');
  });

  it('when the loop over the results of the whole session is left before any of its results has come', async () => {
    const { client, clientSession, operation, work } = await stepwise();
    await clientSession.results()[Symbol.asyncIterator]().return?.();
    await client.ping();
    expect([work.signal.aborted, clientSession.inFlightCount]).toEqual([false, 1]);
    await work.complete('end');
    expect(new TextDecoder().decode((await operation.result()).body)).toBe('end');
  });

  it('when the loop over the results of the whole session is left, but not its own', async () => {
    const { clientSession, operation, work } = await stepwise();
    const all = clientSession.results()[Symbol.asyncIterator]();
    const own = operation[Symbol.asyncIterator]();
    await work.push('part');
    await all.next();
    await all.return?.();
    await work.complete('end');
    const bodies = [await own.next(), await own.next()].map(({ value }) => new TextDecoder().decode(value?.body));
    expect(bodies).toEqual(['part', 'end']);
  });

  it('to its own end when the loop is left at the last result: there is nothing to cancel', async () => {
    const { clientSession, client, session, operation, work } = await stepwise();
    await work.complete('end');
    for await (const { partial } of operation) if (!partial) break;
    await client.ping();
    expect([clientSession.inFlightCount, session.inFlightCount, work.signal.aborted]).toEqual([0, 0, false]);
    expect(new TextDecoder().decode((await operation.result()).body)).toBe('end');
  });
});
