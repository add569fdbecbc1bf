import type { JsonObject } from '../chunks/chunk-parts.js';

/** What the events of one stream become. */
export interface StreamForm {
  /**
   * @returns the partial result of an event; undefined for the event that is the last one
   * @throws HandlerError on an event of another form
   */
  partial(event: JsonObject): JsonObject | undefined;
  /**
   * The last result, when the stream has ended.
   * @param isMarked - it has ended with `[DONE]`
   * @throws HandlerError where the stream was cut
   */
  answer(isMarked: boolean): JsonObject;
}
