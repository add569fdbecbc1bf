import * as preview3 from 'nnrp-core/preview3';
import type { ClientOperation, NnrpClientSession } from 'nnrp-runtime';

/** What came back for the texts of one session. */
export class TokenCount {
  texts = 0;
  tokens = 0;
  packets = 0;
  /** Bytes of text. */
  textBytes = 0;
  /** Bytes of results on the wire. */
  wireBytes = 0;
}

/**
 * Reads the tokens of one submitted text to their end and compares them with the text as they come.
 *
 * @param count - is added to
 * @param output - is given each fragment, in order
 * @throws when the fragments are not the text, byte by byte
 */
export async function readTokens(
  operation: ClientOperation,
  text: Uint8Array,
  count: TokenCount,
  output?: (fragment: Uint8Array) => Promise<void>,
): Promise<void> {
  let at = 0;
  for await (const result of operation) {
    const { payload, terminal } = preview3.decodeTokenDeltaBody(result.body);
    count.packets++;
    count.wireBytes += result.byteLength;
    if (result.partial) count.tokens++;
    if (terminal === result.partial)
      throw new Error(`frame ${operation.frameId}: the end of the stream is marked wrongly`);
    if (Buffer.compare(payload, text.subarray(at, at + payload.length)) !== 0) {
      throw new Error(`frame ${operation.frameId}: the tokens differ from the text at byte ${at}`);
    }
    at += payload.length;
    await output?.(payload);
  }
  if (at !== text.length) throw new Error(`frame ${operation.frameId}: ${at} bytes came back of ${text.length}`);
  count.texts++;
  count.textBytes += at;
}

/**
 * Submits pieces of a text, a few ahead of the one being read, and reads their tokens in order.
 *
 * @param ahead - submits in progress at once
 * @throws when the pieces cannot be read, a piece is not answered, or what comes back differs
 */
export async function streamPieces(
  session: NnrpClientSession,
  pieces: AsyncIterable<Uint8Array>,
  ahead: number,
  count: TokenCount,
  output: (fragment: Uint8Array) => Promise<void>,
): Promise<void> {
  const inProgress: { readonly operation: ClientOperation; readonly piece: Uint8Array }[] = [];
  const readFirst = async () => {
    const first = inProgress.shift();
    if (first !== undefined) await readTokens(first.operation, first.piece, count, output);
  };
  for await (const piece of pieces) {
    if (inProgress.length >= ahead) await readFirst();
    inProgress.push({ operation: await session.submit(piece), piece });
  }
  while (inProgress.length > 0) await readFirst();
}
