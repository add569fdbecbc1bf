import { afterEach, describe, expect, it } from 'vitest';
import type { ClientOperation } from '../../src/client/results/client-operation.js';
import type { OperationContext } from '../../src/server/contract/contract.js';
import { eventually } from '../support/eventually.js';
import { Stage } from '../support/stage.js';

const stage = new Stage();
afterEach(() => stage.clear());

/** Characters of one to four bytes of UTF-8. */
const TEXT = 'naïve €5 😀!';
const UTF8 = new TextEncoder();

/** An operation at both ends, before any result. */
async function begun() {
  const { session, clientSession } = await stage.session();
  const operation = await clientSession.submit('work');
  return { operation, work: await session.receiveSubmit(), clientSession };
}

async function answer(work: OperationContext, partials: readonly (Uint8Array | string)[], last: Uint8Array | string) {
  for (const partial of partials) await work.push(partial);
  await work.complete(last);
}

async function piecesOf(operation: ClientOperation): Promise<string[]> {
  const pieces: string[] = [];
  for await (const text of operation.text()) pieces.push(text);
  return pieces;
}

describe('the text of an operation', () => {
  it('is whole wherever the bytes of a character are split', async () => {
    const { session, clientSession } = await stage.session();
    const bytes = UTF8.encode(TEXT);
    for (let at = 0; at <= bytes.length; at++) {
      const operation = await clientSession.submit('work');
      await answer(await session.receiveSubmit(), [bytes.subarray(0, at)], bytes.subarray(at));
      const pieces = await piecesOf(operation);
      expect(pieces.join('')).toBe(TEXT);
      expect(pieces).not.toContain('');
    }
  });

  it('is there in one piece for a caller that wants no loop', async () => {
    const { operation, work } = await begun();
    const bytes = UTF8.encode(TEXT);
    const whole = operation.wholeText();
    await answer(work, [bytes.subarray(0, 3), 'and '], bytes.subarray(3));
    expect(await whole).toBe(
      `${new TextDecoder().decode(bytes.subarray(0, 3))}and ${new TextDecoder().decode(bytes.subarray(3))}`,
    );
    expect((await operation.result()).partial).toBe(false);
    await expect(operation.wholeText()).rejects.toMatchObject({ code: 'NNRP_ERR_USAGE' });
  });

  it('in one piece rejects as the operation does', async () => {
    const { operation, work } = await begun();
    const whole = operation.wholeText();
    await work.push('half');
    await work.drop();
    await expect(whole).rejects.toMatchObject({ code: 'NNRP_ERR_RESULT_DROPPED' });
  });

  it('is whole when every byte comes by itself', async () => {
    const { operation, work } = await begun();
    const bytes = UTF8.encode(TEXT);
    const answered = answer(
      work,
      [...bytes].map((byte) => Uint8Array.of(byte)),
      '',
    );
    expect(await piecesOf(operation)).toEqual([...TEXT]);
    await answered;
  });

  it('ends with U+FFFD when its last character is cut off, and has it for bytes that are no UTF-8', async () => {
    const { operation, work } = await begun();
    await answer(work, ['a', Uint8Array.of(0xff, 0x62), Uint8Array.of(0xf0, 0x9f)], '');
    expect(await piecesOf(operation)).toEqual(['a', '\ufffdb', '\ufffd']);
  });

  it('leaves a byte order mark out at the beginning alone, as TextDecoder does', async () => {
    const { operation, work } = await begun();
    await answer(work, ['\ufeffa'], '\ufeffb');
    expect(await piecesOf(operation)).toEqual(['a', '\ufeffb']);
  });

  it('leaves the last result to be asked for afterwards', async () => {
    const { operation, work } = await begun();
    await work.push('text');
    await work.complete({ metadata: { statusCode: 200 } });
    expect(await piecesOf(operation)).toEqual(['text']);
    expect((await operation.result()).metadata.statusCode).toBe(200);
  });

  it('throws what the operation fails with, after what has come before', async () => {
    const { operation, work } = await begun();
    await work.push('half an answ');
    const pieces: string[] = [];
    const reading = (async () => {
      for await (const text of operation.text()) pieces.push(text);
    })();
    await eventually(() => pieces.length === 1, 'the first piece has come');
    await work.drop();
    await expect(reading).rejects.toMatchObject({ name: 'PeerError' });
    expect(pieces).toEqual(['half an answ']);
  });

  it('goes to calls in order, however many wait at once', async () => {
    const { operation, work } = await begun();
    const loop = operation.text();
    const steps = [loop.next(), loop.next(), loop.next(), loop.next()];
    const [first, second] = [UTF8.encode('€'), UTF8.encode('😀')];
    await answer(
      work,
      [first.subarray(0, 1), first.subarray(1, 2), first.subarray(2), second.subarray(0, 3)],
      second.subarray(3),
    );
    const given = (await Promise.all(steps)).map(({ done, value }) => ({ done, value }));
    expect(given).toEqual([
      { done: false, value: '€' },
      { done: false, value: '😀' },
      { done: true, value: undefined },
      { done: true, value: undefined },
    ]);
  });
});

describe('a loop over the text of an operation', () => {
  it.each(['a break', 'a throw', 'return() while it waits'])('that is left by %s cancels it', async (way) => {
    const { operation, work, clientSession } = await begun();
    await work.push('first');
    const loop = operation.text();
    if (way === 'a break') for await (const _ of loop) break;
    if (way === 'a throw') await expect(loop.throw?.(new Error('enough'))).rejects.toThrow('enough');
    if (way === 'return() while it waits') {
      await loop.next();
      const waiting = loop.next();
      await loop.return?.();
      expect(await waiting).toEqual({ done: true, value: undefined });
    }
    await eventually(() => work.signal.aborted, 'the work is cancelled');
    await eventually(() => clientSession.inFlightCount === 0, 'its slot is given back');
    expect(await loop.next()).toEqual({ done: true, value: undefined });
  });

  it('is the only one, and not there after result()', async () => {
    const { operation, clientSession } = await begun();
    operation.text();
    expect(() => operation.text()).toThrow(/a second loop/);
    expect(() => operation[Symbol.asyncIterator]()).toThrow(/a second loop/);
    const other = await clientSession.submit('work');
    void other.result().catch(() => {});
    expect(() => other.text()).toThrow(/result\(\) has taken the results/);
  });

  it('that nobody awaits ends no process when the server vanishes', async () => {
    const { operation, work } = await begun();
    const loop = operation.text();
    void loop.next();
    void loop.next();
    await work.drop();
    await expect(loop.next()).resolves.toEqual({ done: true, value: undefined });
    expect(operation.isOver).toBe(true);
  });
});
