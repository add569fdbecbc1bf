import { isObject, member } from 'nnrp-runtime/transport';
import type { JsonObject } from '../chunks/chunk-parts.js';

/** A name of an event goes into a line of its own over HTTP. */
const TYPE = /^[\w.-]{1,100}$/;
/** Each has the whole response, and is the last event of its stream. */
const LAST_TYPES: ReadonlySet<string> = new Set(['response.completed', 'response.incomplete', 'response.failed']);

/** The events that end a stream. */
export const LAST_EVENTS = LAST_TYPES;

/** The type of an event; undefined where it has none that could be one. */
export function eventType(event: JsonObject): string | undefined {
  const type = member(event, 'type');
  return typeof type === 'string' && TYPE.test(type) ? type : undefined;
}

/** The whole response that the last event has; undefined for any other event. */
export function lastResponse(event: JsonObject): JsonObject | undefined {
  const response = LAST_TYPES.has(String(member(event, 'type'))) ? member(event, 'response') : undefined;
  return isObject(response) ? response : undefined;
}

/** The last event of a stream that ends with this response. @param number - of the event; undefined where those before had none */
export function lastEvent(response: JsonObject, number: number | undefined): JsonObject & { readonly type: string } {
  const named = `response.${String(member(response, 'status'))}`;
  const type = LAST_TYPES.has(named) ? named : 'response.completed';
  return { type, ...(number !== undefined && { sequence_number: number }), response };
}
