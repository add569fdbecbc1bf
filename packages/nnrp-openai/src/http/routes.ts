import { printable } from 'nnrp-core';
import { CHAT } from 'nnrp-runtime/calls';
import type { JsonObject } from '../chunks/chunk-parts.js';

/** The form of chunks. */
export type ChunkName = 'chat.completion.chunk' | 'text_completion';

/** What a request of HTTP asks of the profile. */
export interface Route {
  readonly operation: string;
  readonly method: 'GET' | 'POST';
  /** What its stream is made of: chunks, by the name of their form, or events as they are; undefined where it has none. */
  readonly stream?: ChunkName | 'events';
  /** The body of the call, where the request has none. */
  readonly body?: JsonObject;
}

const ROUTES: ReadonlyMap<string, Route> = new Map<string, Route>([
  ['/v1/chat/completions', { operation: CHAT, method: 'POST', stream: 'chat.completion.chunk' }],
  ['/v1/completions', { operation: 'completions.create', method: 'POST', stream: 'text_completion' }],
  ['/v1/responses', { operation: 'responses.create', method: 'POST', stream: 'events' }],
  ['/v1/embeddings', { operation: 'embeddings.create', method: 'POST' }],
  ['/v1/models', { operation: 'models.list', method: 'GET', body: {} }],
]);
const MODEL = '/v1/models/';
const MAX_SHOWN_BYTES = 100;

/** @param path - without a query */
export function routeOf(path: string): Route | undefined {
  const route = ROUTES.get(path);
  if (route !== undefined || !path.startsWith(MODEL)) return route;
  const model = decoded(path.slice(MODEL.length));
  return model ? { operation: 'models.retrieve', method: 'GET', body: { model } } : undefined;
}

/** What is said of a path that has no route. */
export function noRoute(path: string): string {
  if (!path.startsWith('/v1/'))
    return 'there is nothing at this path: paths begin with /v1, such as /v1/chat/completions';
  return `${printable(path, MAX_SHOWN_BYTES)} is not served; paths are ${[...ROUTES.keys()].join(', ')}`;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
