import { isWireError, type WireFault } from 'nnrp-core';

/** Why a request to decode or encode was refused, as it is printed: a kind and its details. */
export type RequestFault =
  | WireFault
  /** The request itself makes no sense. */
  | { readonly kind: 'bad_request'; readonly message: string }
  | { readonly kind: 'unknown_struct'; readonly struct: string }
  /** Fields are named as on the wire; those inside a packet as header.x and metadata.x. */
  | { readonly kind: 'unknown_field'; readonly field: string }
  | { readonly kind: 'missing_field'; readonly field: string }
  /** The value has the wrong JSON type. */
  | { readonly kind: 'invalid_field'; readonly field: string; readonly expected: string; readonly actual: string };

/** A request that was refused before any bytes were looked at. */
export class RequestError extends Error {
  override readonly name = 'RequestError';

  constructor(readonly fault: Exclude<RequestFault, WireFault>) {
    super(describe(fault));
  }
}

/** The fault behind an error; undefined when the error is not about the request or its bytes. */
export function requestFault(error: unknown): RequestFault | undefined {
  return isRequestError(error) || isWireError(error) ? error.fault : undefined;
}

/** Whether a request was refused before any bytes were looked at. */
export function isRequestError(error: unknown): error is RequestError {
  return typeof error === 'object' && error !== null && 'name' in error && error.name === 'RequestError';
}

/** For messages: what a JSON value is. */
export function jsonType(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

function describe(fault: Exclude<RequestFault, WireFault>): string {
  switch (fault.kind) {
    case 'bad_request':
      return fault.message;
    case 'unknown_struct':
      return `there is no structure '${fault.struct}'`;
    case 'unknown_field':
      return `there is no field '${fault.field}'`;
    case 'missing_field':
      return `field '${fault.field}' is missing`;
    case 'invalid_field':
      return `field '${fault.field}' takes a ${fault.expected}, got ${fault.actual}`;
  }
}
