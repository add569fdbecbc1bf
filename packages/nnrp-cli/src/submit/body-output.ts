import { isWireError } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import * as preview4 from 'nnrp-core/preview4';
import type { NnrpClientSession, NnrpResult } from 'nnrp-runtime';
import { type TerminalStream, writeFully } from '../cli-io.js';
import { TerminalBytes } from '../terminal-bytes.js';

type Revision = NnrpClientSession['revision'];

/**
 * Writes the bodies of the results of one submit one after the other: the fragment of a token-delta body, any other body
 * as it is. On a terminal they are text that it does not obey, and a line feed follows the last one.
 */
export function bodyOutput(
  stream: TerminalStream,
  revision: Revision = 'preview3',
): (result: NnrpResult) => Promise<void> {
  if (!stream.isTTY) return (result) => writeFully(stream, resultBytes(result, revision));
  const text = new TerminalBytes();
  return (result) => {
    const shown = text.next(resultBytes(result, revision));
    return writeFully(stream, result.partial ? shown : `${shown}${text.end()}\n`);
  };
}

/** The fragment in a token-delta body, any other body as it is; not copied. */
export function resultBytes(result: NnrpResult, revision: Revision): Uint8Array {
  const isPreview4 = revision === 'preview4';
  const { payloadKindBitmap, payloadFrameCount } = result.metadata;
  const { TOKEN_DELTA_COUNTS } = preview3;
  const mayBeTokens =
    payloadKindBitmap === TOKEN_DELTA_COUNTS.payloadKindBitmap &&
    payloadFrameCount === TOKEN_DELTA_COUNTS.payloadFrameCount;
  // PARTIAL_RESULT has no room for what its body is.
  if (!mayBeTokens && !(isPreview4 && result.partial)) return result.body;
  try {
    return (isPreview4 ? preview4 : preview3).decodeTokenDeltaBody(result.body).payload;
  } catch (error) {
    if (isWireError(error)) return result.body;
    throw error;
  }
}
