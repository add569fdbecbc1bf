import type { JsonObject } from '../chunks/chunk-parts.js';
import { eventType, lastResponse } from '../responses/response-event.js';
import { cutFailure, formFailure } from '../upstream/upstream-failure.js';
import type { StreamForm } from './stream-form.js';

/** Events of `/v1/responses`: each is a partial result as it is, and the response of the last one is the last result. */
export class ResponseForm implements StreamForm {
  #response: JsonObject | undefined;

  partial(event: JsonObject): JsonObject | undefined {
    if (eventType(event) === undefined) throw formFailure('an event without a type');
    this.#response = lastResponse(event);
    return this.#response === undefined ? event : undefined;
  }

  answer(): JsonObject {
    if (this.#response === undefined) throw cutFailure();
    return this.#response;
  }
}
