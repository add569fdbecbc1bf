import type { IncomingMessage } from 'node:http';
import { isObject, readJson } from 'nnrp-runtime/transport';
import type { JsonObject } from '../chunks/chunk-parts.js';
import type { HeldBytes } from './held-bytes.js';
import { type HttpFailure, refusal } from './http-failure.js';

const FULL = {
  failure: refusal(503, 'the bodies of requests hold as many bytes as they may', {
    type: 'server_error',
    retryAfterMs: 1000,
  }),
};

const MALFORMED = refusal(
  400,
  'the body takes a JSON object, nested at most 128 deep, of at most a million objects, lists and members',
);

/** The body of a request, or why it is refused. */
export type ReadBody = { readonly body: JsonObject } | { readonly failure: HttpFailure } | undefined;

/** @returns undefined when the client has gone before all of it had come */
export async function readBody(request: IncomingMessage, maxBodyBytes: number, held: HeldBytes): Promise<ReadBody> {
  const { headers } = request;
  const type = (headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase();
  const isJson = type === 'application/json' || type?.endsWith('+json');
  if (!isJson) return { failure: refusal(415, 'the body takes the content-type application/json') };
  if (!['', 'identity'].includes((headers['content-encoding'] ?? '').toLowerCase()))
    return { failure: refusal(415, 'the body is not to be compressed') };
  const tooLong = { failure: refusal(413, `the body takes at most ${maxBodyBytes} bytes`) };
  if (Number(headers['content-length'] ?? 0) > maxBodyBytes) return tooLong;
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    // Without an end to the request: it is answered yet.
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > maxBodyBytes) return tooLong;
      if (!held.take(chunk.length)) return FULL;
      chunks.push(chunk);
    }
  } catch {
    return undefined;
  }
  const read = readJson(Buffer.concat(chunks));
  if (!isObject(read?.value)) return { failure: MALFORMED };
  // Objects and lists take many times their text, for as long as the request is answered.
  return held.take(read.partBytes) ? { body: read.value } : FULL;
}
