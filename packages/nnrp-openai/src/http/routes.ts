import { CHAT } from 'nnrp-runtime/calls';
import type { JsonObject } from '../chunks/chunk-parts.js';

/** What a request of HTTP asks of the profile. */
export interface Route {
  readonly operation: string;
  readonly method: 'GET' | 'POST';
  /** Of the chunks of its stream; undefined where it has none. */
  readonly chunks?: 'chat.completion.chunk' | 'text_completion';
  /** The body of the call, where the request has none. */
  readonly body?: JsonObject;
}

const ROUTES: ReadonlyMap<string, Route> = new Map<string, Route>([
  ['/v1/chat/completions', { operation: CHAT, method: 'POST', chunks: 'chat.completion.chunk' }],
  ['/v1/completions', { operation: 'completions.create', method: 'POST', chunks: 'text_completion' }],
  ['/v1/embeddings', { operation: 'embeddings.create', method: 'POST' }],
  ['/v1/models', { operation: 'models.list', method: 'GET', body: {} }],
]);
const MODEL = '/v1/models/';

/** @param path - without a query */
export function routeOf(path: string): Route | undefined {
  const route = ROUTES.get(path);
  if (route !== undefined || !path.startsWith(MODEL)) return route;
  const model = decoded(path.slice(MODEL.length));
  return model ? { operation: 'models.retrieve', method: 'GET', body: { model } } : undefined;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
