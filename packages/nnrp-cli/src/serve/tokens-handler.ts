import { isUtf8 } from 'node:buffer';
import { isWireError } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { PayloadKindFlags, ResultClass, ResultFlags, StatusCode, TOKEN_DELTA_COUNTS } from 'nnrp-core/preview3';
import * as preview4 from 'nnrp-core/preview4';
import { type OperationContext, type ResultValue, resultMetadata } from 'nnrp-runtime';
import { textPieces } from './text-pieces.js';
import { loadTokenizer, type Tokenizer } from './tokenizer.js';
import { WorkTurns } from './work-turns.js';

/** Merging takes time by the square of the longest word, at worst of the piece: some milliseconds for this many. */
const MAX_PIECE_BYTES = 1024;
const BUDGET_MS = 5;
const MAX_U16 = 0xffff;
const NO_BYTES = new Uint8Array(0);
const NOT_UTF8 = new TextEncoder().encode('the body is not valid UTF-8');

/** Streams the answer to one submit: yields partial results, returns the last one. */
export type TokensHandler = (operation: OperationContext) => AsyncGenerator<ResultValue, ResultValue | undefined, void>;

/**
 * A handler that takes each body, or what its token payloads hold, as UTF-8 text and streams its o200k_base tokens: a partial result with a token-delta
 * body for each, then a complete one whose delta is empty and terminal. The fragments are slices of the text's bytes, so
 * that joining them gives the text. A body that is not UTF-8 is answered with status rejected and a text that says so.
 */
export async function loadTokensHandler(): Promise<TokensHandler> {
  const tokenizer = await loadTokenizer();
  const turns = new WorkTurns(BUDGET_MS);
  return (operation) => streamTokens(operation, tokenizer, turns);
}

async function* streamTokens(
  operation: OperationContext,
  tokenizer: Tokenizer,
  turns: WorkTurns,
): AsyncGenerator<ResultValue, ResultValue | undefined, void> {
  const { session } = operation;
  const body = textOf(operation);
  const activeProfileId = session.clientOpen.profileId;
  // The descriptor of a fragment says its kind over preview4.
  const { encodeTokenDeltaBody } = session.revision === 'preview4' ? preview4 : preview3;
  if (!isUtf8(body)) {
    const payloadKindBitmap = PayloadKindFlags.OpaqueBytes;
    return { body: NOT_UTF8, metadata: { activeProfileId, statusCode: StatusCode.Rejected, payloadKindBitmap } };
  }
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const metadata = resultMetadata({
    ...TOKEN_DELTA_COUNTS,
    activeProfileId,
    resultClass: ResultClass.Partial,
    resultFlags: ResultFlags.Partial,
  });
  const started = performance.now();
  let inferenceMs = 0;
  for (const [start, end] of textPieces(text, MAX_PIECE_BYTES)) {
    await turns.turn();
    if (operation.isOver) return undefined;
    const began = performance.now();
    const lengths = tokenizer(text.toString('utf8', start, end), end - start);
    inferenceMs += performance.now() - began;
    let at = start;
    for (const length of lengths) {
      yield { body: encodeTokenDeltaBody(body.subarray(at, at + length), false), metadata };
      at += length;
    }
    turns.spent(performance.now() - began);
  }
  return {
    body: encodeTokenDeltaBody(NO_BYTES, true),
    metadata: {
      ...TOKEN_DELTA_COUNTS,
      activeProfileId,
      inferenceMs: milliseconds(inferenceMs),
      serverTotalMs: milliseconds(performance.now() - started),
    },
  };
}

/** The text of typed payloads, as clients of the reference send it by their builders; any other body as it is. */
function textOf(operation: OperationContext): Uint8Array {
  const { body, metadata } = operation;
  if (metadata.payloadKindBitmap !== PayloadKindFlags.TokenChunk || metadata.payloadFrameCount === 0) return body;
  try {
    return Buffer.concat(operation.payloadFrames.map(({ payload }) => payload));
  } catch (error) {
    if (isWireError(error)) return body;
    throw error;
  }
}

function milliseconds(ms: number): number {
  return Math.min(MAX_U16, Math.round(ms));
}
