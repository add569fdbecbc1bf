import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { PacedWriter, type WriterOwner } from '../../src/transport/stream/paced-writer.js';

/** A stream that completes a write when it is told to. */
function slowStream() {
  const writes: Buffer[] = [];
  const pending: ((error?: Error) => void)[] = [];
  const take = (chunks: readonly Buffer[], done: (error?: Error) => void) => {
    writes.push(Buffer.concat(chunks));
    pending.push(done);
  };
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => take([chunk], done),
    writev: (chunks, done) =>
      take(
        chunks.map(({ chunk }) => chunk as Buffer),
        done,
      ),
  });
  const complete = async (error?: Error) => {
    pending.shift()?.(error);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { stream, writes, complete };
}

const bytes = (from: number, count: number) => Uint8Array.from({ length: count }, (_, index) => from + index);

const OWNER: WriterOwner = { wantsCall: true, written: () => {}, unsent: () => {}, damaged: () => {} };

describe('a paced writer', () => {
  it('joins short pieces and cuts long ones, one write at a time, in order', async () => {
    const { stream, writes, complete } = slowStream();
    let completed = 0;
    const writer = new PacedWriter(stream, 10, false, false, { ...OWNER, written: () => completed++ });
    writer.write([bytes(0, 3), bytes(3, 4), bytes(7, 25)]);
    expect([writes.length, writer.byteLength]).toEqual([1, 22]);
    writer.write([bytes(32, 5)]);
    for (let count = 1; count <= 4; count++) {
      expect([writes.length, completed]).toEqual([count, count - 1]);
      await complete();
    }
    expect(writes.map(({ length }) => length)).toEqual([10, 10, 10, 7]);
    expect(Buffer.concat(writes)).toEqual(Buffer.from(bytes(0, 37)));
    expect([completed, writer.byteLength]).toEqual([4, 0]);
  });

  it('cuts at the edge of a piece without an empty rest', async () => {
    const { stream, writes, complete } = slowStream();
    const writer = new PacedWriter(stream, 10, false, false, OWNER);
    writer.write([bytes(0, 10), bytes(10, 10)]);
    await complete();
    await complete();
    expect(writes.map(({ length }) => length)).toEqual([10, 10]);
  });

  it('ends the stream after the last write, or at once when there is none', async () => {
    const { stream, complete } = slowStream();
    const writer = new PacedWriter(stream, 10, false, false, OWNER);
    writer.write([bytes(0, 20)]);
    writer.end();
    await complete();
    expect(stream.writableEnded).toBe(false);
    await complete();
    expect(stream.writableFinished).toBe(true);
    const other = slowStream().stream;
    new PacedWriter(other, 10, false, false, OWNER).end();
    expect(other.writableEnded).toBe(true);
  });

  it('gives a stream that has failed nothing more', async () => {
    const { stream, writes, complete } = slowStream();
    stream.on('error', () => {});
    const writer = new PacedWriter(stream, 10, false, false, OWNER);
    writer.write([bytes(0, 30)]);
    await complete(new Error('failed by the test'));
    expect([writes.length, stream.destroyed]).toEqual([1, true]);
  });

  it('gives up a stream that throws in a later write, and nothing else', async () => {
    let writes = 0;
    const pending: (() => void)[] = [];
    const stream = new Writable({
      write: (_chunk, _encoding, done) => {
        if (++writes === 2) throw new Error('thrown by the stream');
        pending.push(done);
      },
    });
    const failed = new Promise<unknown>((resolve) => stream.on('error', resolve));
    const writer = new PacedWriter(stream, 10, false, false, OWNER);
    writer.write([bytes(0, 20)]);
    pending.shift()?.();
    expect(await failed).toMatchObject({ code: 'NNRP_ERR_TRANSPORT', cause: new Error('thrown by the stream') });
  });
});
