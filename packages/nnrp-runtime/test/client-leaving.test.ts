import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { ClientOperation } from '../src/client/client-operation.js';
import type { OperationContext } from '../src/server/operation-context.js';
import { eventually } from './eventually.js';
import { Stage } from './stage.js';

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

  it('when the loop over the results of the whole session is left', async () => {
    const { clientSession, operation, work } = await stepwise();
    const all = clientSession.results()[Symbol.asyncIterator]();
    await work.push('part');
    await all.next();
    await all.return?.();
    await work.complete('end');
    expect(new TextDecoder().decode((await operation.result()).body)).toBe('end');
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
