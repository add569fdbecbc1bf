import type { OperationContext } from '../../server/contract/contract.js';
import { decodeRequest, type RequestEnvelope } from '../wire/envelope.js';
import { type CallMetadata, givenMetadata } from '../wire/metadata.js';

type Read = RequestEnvelope | string | undefined;

interface ReadCall {
  /** As `decodeRequest` has it. */
  readonly request: Read;
  /** What its JSON takes besides its text. */
  readonly partBytes: number;
}

/** What has been read before a router was asked. */
const READ = new WeakMap<object, ReadCall>();

/** The call that a submit is. */
export function readCall(operation: OperationContext): ReadCall {
  const known = READ.get(operation);
  if (known !== undefined) return known;
  const { body, metadata, routeId } = operation;
  let partBytes = 0;
  const request = decodeRequest(body, metadata, routeId, (bytes) => {
    partBytes = bytes;
  });
  return { request, partBytes };
}

/** What a submit says that is a call. */
export type CallFacts = Pick<RequestEnvelope, 'schema' | 'route' | 'requestId' | 'metadata'>;

/**
 * What stands beside the body of a call, for what looks at submits before their handler does, such as tracing. A router does not
 * read it a second time.
 *
 * @returns undefined when the submit is no call, or one that breaks the form
 */
export function callOf(operation: OperationContext): CallFacts | undefined {
  const read = readCall(operation);
  READ.set(operation, read);
  const { request } = read;
  return typeof request === 'object' ? request : undefined;
}

/**
 * Gives the handler of a call other metadata than the client has sent, such as the trace context of the span that works on it. Nothing
 * happens when the submit is no call, or a router has it already.
 *
 * @throws UsageError on what is no metadata
 */
export function replaceCallMetadata(operation: OperationContext, metadata: CallMetadata): void {
  const checked = givenMetadata('replaceCallMetadata', metadata);
  const { request, partBytes } = readCall(operation);
  if (typeof request === 'object') READ.set(operation, { request: { ...request, metadata: checked }, partBytes });
}
