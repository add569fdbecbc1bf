import { PassThrough } from 'node:stream';
import * as preview3 from 'nnrp-core/preview3';
import type { NnrpResult } from 'nnrp-runtime';
import { describe, expect, it } from 'vitest';
import type { TerminalStream } from '../cli-io.js';
import { bodyOutput } from './body-output.js';

const HOSTILE = Buffer.from('\u001b]0;owned\u0007\u001b[2Jnaïve\t\u202e\n');

function result(body: Uint8Array, partial = false): NnrpResult {
  const metadata = { payloadKindBitmap: preview3.PayloadKindFlags.OpaqueBytes, payloadFrameCount: 1 };
  return { metadata, body, partial } as unknown as NnrpResult;
}

async function written(isTTY: boolean, ...results: NnrpResult[]): Promise<Buffer> {
  const stream: TerminalStream = Object.assign(new PassThrough(), { isTTY });
  const write = bodyOutput(stream);
  for (const each of results) await write(each);
  const through = stream as PassThrough;
  return Buffer.concat(await through.end().toArray());
}

describe('the body of a result', () => {
  it('is written as it is to a file or a pipe', async () => {
    expect(await written(false, result(HOSTILE, true), result(HOSTILE))).toEqual(Buffer.concat([HOSTILE, HOSTILE]));
  });

  it('is text on a terminal, which obeys nothing of it', async () => {
    expect((await written(true, result(HOSTILE))).toString()).toBe('\\x1b]0;owned\\x07\\x1b[2Jnaïve\t\\u202e\n\n');
  });

  it('may be cut into partial results inside of a character and of an escape sequence', async () => {
    const pieces = [...HOSTILE].map((byte) => result(Buffer.of(byte), true));
    const shown = await written(true, ...pieces, result(Buffer.of()));
    expect(shown.toString()).toBe('\\x1b]0;owned\\x07\\x1b[2Jnaïve\t\\u202e\n\n');
  });
});
