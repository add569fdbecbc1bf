import { writeHeader } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import type { MetadataCodec } from './outbound-message.js';

/**
 * A codec that keeps header and metadata of the last value that was sent twice in a row, to be copied from then on: all
 * results of a stream have the same metadata, as a rule. It keeps those of frozen values with plain fields only, since
 * others may have changed. All connections share it.
 *
 * @param offsets - the fields of the structure by name; those that are reserved have no value
 */
export function rememberingCodec<T extends object>(
  messageType: number,
  bytes: number,
  encode: MetadataCodec<T>['encode'],
  offsets: Readonly<Record<string, number>>,
): MetadataCodec<T> {
  const fields = Object.keys(offsets).filter((name) => !name.startsWith('reserved'));
  const head = new Uint8Array(preview3.COMMON_HEADER_BYTES + bytes);
  let remembered: T | undefined;
  let last: T | undefined;
  let changeable: T | undefined;

  function remember(value: T): Uint8Array | undefined {
    if (!isConstant(value, fields)) {
      changeable = value;
      return undefined;
    }
    const view = new DataView(head.buffer);
    // Nothing is remembered when the value breaks a rule.
    remembered = undefined;
    encode(value, view, preview3.COMMON_HEADER_BYTES);
    writeHeader(view, 0, messageType, bytes, 0, 0, 0);
    remembered = value;
    return head;
  }

  return {
    bytes,
    encode,
    head(value) {
      if (value === remembered) return head;
      if (value === last && value !== changeable) return remember(value);
      last = value;
      return undefined;
    },
  };
}

function isConstant(value: object, fields: readonly string[]): boolean {
  if (!Object.isFrozen(value)) return false;
  return fields.every((name) => {
    const field = Object.getOwnPropertyDescriptor(value, name);
    return field !== undefined && 'value' in field;
  });
}
