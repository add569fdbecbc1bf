import { encodeBody, PayloadKind, StreamSemantics } from 'nnrp-core/preview4';
import type { OperationContext, ServeHandlers } from 'nnrp-runtime';
import { EXTERNAL_RESULT } from './suite-texts.js';

/** The suite's sessions and submits say at most 500 by themselves: a longer deadline was sent before the submit, and reaches it through its reservation. */
const RESERVED_MS = 1000;
const TYPED = { payloadKindBitmap: PayloadKind.StructuredEvent, payloadFrameCount: 1 } as const;
const STATUS_OK = 200;

/**
 * What the suite expects of a server. No submit is answered at once: the message that decides comes after it.
 *
 * @param openAiSeen - told of each submit of the profile openai-compatible/1
 */
export function suiteHandlers(openAiSeen: () => void): ServeHandlers {
  return {
    submit(operation) {
      if (operation.metadata.payloadKindBitmap === PayloadKind.StructuredEvent) {
        openAiSeen();
        return completion(operation);
      }
      return operation.deadlineMs > RESERVED_MS ? EXTERNAL_RESULT : operation.finished;
    },
    event(event, session) {
      switch (event.type) {
        case 'cancelRequest':
          // The runtime drops the operation after this, with the code of a cancel.
          session.controls.traceContext({ traceId: 0x1234n, spanId: 0x5678n, stageCode: 1, body: 'trace' });
          break;
        case 'expireAt':
          return session.operations.get(event.frameId)?.drop({ reasonCode: 2 });
        case 'cacheReference': {
          const { cacheNamespace, cacheKeyHi, cacheKeyLo, profileId } = event.metadata;
          session.controls.cacheMiss({ cacheNamespace, cacheKeyHi, cacheKeyLo, profileId });
          for (const operation of session.operations) return operation.complete(EXTERNAL_RESULT);
          break;
        }
        default:
      }
      return undefined;
    },
  };
}

/** A completion as chunks of raw JSON, and at last as a structured event. */
async function* completion(operation: OperationContext) {
  const content = 'pong';
  operation.progress({ stageCode: 1 });
  yield JSON.stringify({ type: 'response.output_text.delta', index: 0, delta: content });
  const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 };
  yield JSON.stringify({ type: 'response.usage', usage });
  const message = { role: 'assistant', content };
  const completed = {
    type: 'response.completed',
    body: {
      id: 'chatcmpl-wire',
      object: 'chat.completion',
      model: 'reference-model',
      choices: [{ index: 0, message, finish_reason: 'stop' }],
      usage,
    },
  };
  const descriptor = {
    profileId: 0,
    payloadKind: PayloadKind.StructuredEvent,
    descriptorFlags: 0,
    schemaId: 0,
    schemaVersion: 0,
    streamSemantics: StreamSemantics.Snapshot,
  };
  const payload = new TextEncoder().encode(JSON.stringify(completed));
  return {
    metadata: { ...TYPED, statusCode: STATUS_OK, activeProfileId: 0 },
    body: encodeBody({ typedPayloads: [{ descriptor, payload }] }, TYPED),
  };
}
