import { setTimeout as sleep } from 'node:timers/promises';
import { encodeBody, PayloadKind } from 'nnrp-core/preview4';
import { isNnrpError, NnrpClient } from 'nnrp-runtime';
import type { FramedConnector } from 'nnrp-runtime/transport';
import { EXTERNAL_RESULT } from './suite-texts.js';

/** From one attempt to connect to the next: the suite listens when it comes to it. */
const RETRY_MS = 50;
const TYPED = { payloadKindBitmap: PayloadKind.TokenChunk, payloadFrameCount: 1 } as const;
const TOKENS = {
  profileId: 2,
  payloadKind: PayloadKind.TokenChunk,
  descriptorFlags: 2,
  schemaId: 0x1001,
  schemaVersion: 3,
  streamSemantics: 2,
} as const;

/** A connection as plain as that of the reference. */
const CONFIG = { revision: 'preview4', reconnect: 'never', keepAliveMs: 0 } as const;

/**
 * The part of a client against the suite as server: connects when it listens, submits, takes what comes, and closes.
 *
 * @throws (as a rejection) when nothing listens in time, and on another result than the suite's
 */
export async function exchangeAsClient(
  connector: FramedConnector,
  patienceMs: number,
  signal: AbortSignal,
): Promise<void> {
  const client = await connectPatiently(connector, patienceMs, signal);
  try {
    const session = await client.openSession();
    const payload = new TextEncoder().encode('wire-external-request');
    const body = encodeBody({ typedPayloads: [{ descriptor: TOKENS, payload }] }, TYPED);
    const operation = await session.submit(body, { metadata: TYPED, operationId: 301n });
    let last = '';
    for await (const result of operation) last = new TextDecoder().decode(result.body);
    if (last !== EXTERNAL_RESULT)
      throw new Error(`expected ${EXTERNAL_RESULT} as the last result, got ${last.length} bytes`);
    await session.close();
  } finally {
    await client.close();
  }
}

async function connectPatiently(
  connector: FramedConnector,
  patienceMs: number,
  signal: AbortSignal,
): Promise<NnrpClient> {
  const began = performance.now();
  for (;;) {
    try {
      return await NnrpClient.connect(connector, { ...CONFIG, signal });
    } catch (error) {
      signal.throwIfAborted();
      const isAway = isNnrpError(error, 'NNRP_ERR_TRANSPORT') || isNnrpError(error, 'NNRP_ERR_TIMEOUT');
      if (!isAway || performance.now() - began > patienceMs) throw error;
      await sleep(RETRY_MS, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }
}
