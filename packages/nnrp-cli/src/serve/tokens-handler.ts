import { isUtf8 } from 'node:buffer';
import { preview3 } from 'nnrp-core';
import { type NnrpServerSession, type NnrpSubmit, resultMetadata } from 'nnrp-runtime';
import type { SubmitHandler } from './submit-handler.js';
import { textPieces } from './text-pieces.js';
import { loadTokenizer, type Tokenizer } from './tokenizer.js';
import { WorkTurns } from './work-turns.js';

const { encodeTokenDeltaBody, PayloadKindFlags, ResultClass, ResultFlags, StatusCode, TOKEN_DELTA_COUNTS } = preview3;

/** Submits of one session that are tokenised side by side. */
const CONCURRENCY = 8;
/** Merging takes time by the square of the longest word, at worst of the piece: some milliseconds for this many. */
const MAX_PIECE_BYTES = 1024;
const BUDGET_MS = 5;
const MAX_U16 = 0xffff;
const NO_BYTES = new Uint8Array(0);
const NOT_UTF8 = new TextEncoder().encode('the body is not valid UTF-8');

const PARTIAL = Object.freeze(
  resultMetadata({ ...TOKEN_DELTA_COUNTS, resultClass: ResultClass.Partial, resultFlags: ResultFlags.Partial }),
);

/**
 * A handler that takes each body as UTF-8 text and streams its o200k_base tokens: a partial result with a token-delta
 * body for each, then a complete one whose delta is empty and terminal. The fragments are slices of the text's bytes, so
 * that joining them gives the text. A body that is not UTF-8 is answered with status rejected and a text that says so.
 */
export async function loadTokensHandler(): Promise<SubmitHandler> {
  const tokenizer = await loadTokenizer();
  const turns = new WorkTurns(BUDGET_MS);
  return {
    concurrency: CONCURRENCY,
    answer: (session, submit) => streamTokens(session, submit, tokenizer, turns),
  };
}

async function streamTokens(
  session: NnrpServerSession,
  submit: NnrpSubmit,
  tokenizer: Tokenizer,
  turns: WorkTurns,
): Promise<void> {
  const { frameId, body } = submit;
  if (!session.isInFlight(frameId)) return;
  const activeProfileId = session.clientOpen.profileId;
  if (!isUtf8(body)) {
    const payloadKindBitmap = PayloadKindFlags.OpaqueBytes;
    await session.sendResult(
      frameId,
      { activeProfileId, statusCode: StatusCode.Rejected, payloadKindBitmap },
      NOT_UTF8,
    );
    return;
  }
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const partial = { ...PARTIAL, activeProfileId };
  const started = performance.now();
  let inferenceMs = 0;
  for (const [start, end] of textPieces(text, MAX_PIECE_BYTES)) {
    await turns.turn();
    if (!session.isInFlight(frameId)) return;
    const began = performance.now();
    const lengths = tokenizer(text.toString('utf8', start, end), end - start);
    inferenceMs += performance.now() - began;
    let at = start;
    for (const length of lengths) {
      if (!session.isInFlight(frameId)) return;
      await session.sendResult(frameId, partial, encodeTokenDeltaBody(body.subarray(at, at + length), false));
      at += length;
    }
    turns.spent(performance.now() - began);
  }
  if (!session.isInFlight(frameId)) return;
  const complete = {
    ...TOKEN_DELTA_COUNTS,
    activeProfileId,
    inferenceMs: milliseconds(inferenceMs),
    serverTotalMs: milliseconds(performance.now() - started),
  };
  await session.sendResult(frameId, complete, encodeTokenDeltaBody(NO_BYTES, true));
}

function milliseconds(ms: number): number {
  return Math.min(MAX_U16, Math.round(ms));
}
