import type { OperationContext, ResultValue } from 'nnrp-runtime';

/** Answers a submit with one complete result that has the same body and says the same of it. */
export function echo({ body, metadata }: OperationContext): ResultValue {
  const { payloadKindBitmap, payloadFrameCount } = metadata;
  return { body, metadata: { payloadKindBitmap, payloadFrameCount } };
}
