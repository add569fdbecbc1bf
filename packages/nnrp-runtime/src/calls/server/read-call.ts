import type { OperationContext } from '../../server/contract/contract.js';
import { decodeRequest, type RequestEnvelope } from '../wire/envelope.js';
import { type CallMetadata, givenMetadata } from '../wire/metadata.js';

type Read = RequestEnvelope | string | undefined;

/** What has been read before a router was asked. */
const READ = new WeakMap<object, { readonly request: Read }>();

/** The call that a submit is, as `decodeRequest` has it. */
export function readCall(operation: OperationContext): Read {
  const known = READ.get(operation);
  if (known !== undefined) return known.request;
  const { body, metadata, routeId } = operation;
  return decodeRequest(body, metadata, routeId);
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
  const request = readCall(operation);
  if (!READ.has(operation)) READ.set(operation, { request });
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
  const request = readCall(operation);
  if (typeof request === 'object') READ.set(operation, { request: { ...request, metadata: checked } });
}
