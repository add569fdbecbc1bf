import { types } from 'node:util';
import { shownValue, UsageError } from 'nnrp-core';
import { ResultClass, ResultFlags, type ResultPush } from 'nnrp-core/preview3';
import { EMPTY_BYTES } from '../../base/bytes.js';
import { ignoreRejectionsWithin } from '../../base/thenable.js';
import { type BodyChunk, type BodyInput, bodyBytes, bodyHint } from '../../connection/body/body-bytes.js';
import { isPartial } from '../../connection/body/result-kind.js';
import { completeResult, type ResultInit, type ResultValue, resultMetadata } from '../contract/server-messages.js';

const DEFAULTS = new Map<number, { readonly partial: ResultPush; readonly last: ResultPush }>();

/** The metadata of results that say nothing of their own; shared by all sessions of a profile. */
export function defaultResults(activeProfileId: number) {
  let defaults = DEFAULTS.get(activeProfileId);
  if (defaults === undefined) {
    const partial = { activeProfileId, resultClass: ResultClass.Partial, resultFlags: ResultFlags.Partial };
    defaults = { partial: resultMetadata(partial), last: resultMetadata({ activeProfileId }) };
    DEFAULTS.set(activeProfileId, defaults);
  }
  return defaults;
}

export function metadataOf(value: ResultValue): ResultInit | undefined {
  return isValueObject(value) ? value.metadata : undefined;
}

export function bodyOf(value: ResultValue): Uint8Array {
  if (ArrayBuffer.isView(value)) return bodyBytes(value);
  if (Array.isArray(value)) return bodyBytes(chunks(value));
  if (isValueObject(value)) return value.body === undefined ? EMPTY_BYTES : bodyBytes(value.body);
  if (typeof value !== 'string' && (typeof value !== 'object' || value === null)) throw noResult(value);
  return bodyBytes(value);
}

/**
 * Looks no further than what is no chunk, which is refused: a list may say that it is as long as it likes.
 * @throws UsageError when it is a list of results: what that means must not be guessed
 */
function chunks(list: readonly BodyChunk[]): readonly BodyChunk[] {
  for (const entry of list as readonly unknown[]) {
    if (typeof entry === 'string' || ArrayBuffer.isView(entry) || types.isAnyArrayBuffer(entry)) continue;
    if (typeof entry !== 'object' || entry === null || !('body' in entry || 'metadata' in entry)) break;
    ignoreRejectionsWithin(list);
    throw new UsageError(
      'result: a list is one body, made of bytes and text; where each entry is a result, return list.values()',
    );
  }
  return list;
}

/**
 * Whether the value is a body with metadata rather than a body.
 * @throws UsageError for an object that is neither: what it means must not be guessed
 */
function isValueObject(value: ResultValue): value is Exclude<ResultValue, BodyInput> {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || Array.isArray(value)) return false;
  if (types.isArrayBuffer(value)) return false;
  const keys = Object.keys(value);
  if (keys.length > 0 && keys.every((key) => key === 'body' || key === 'metadata')) return true;
  throw noResult(value, keys.includes('body'));
}

function noResult(value: unknown, hasBody = false): UsageError {
  const hint = hasBody ? '; fields of RESULT_PUSH, such as statusCode, belong into its metadata' : bodyHint(value);
  return new UsageError(
    `result: expected bytes, text, a list of both, or an object with body or metadata, got ${shownValue(value)}${hint}`,
  );
}

/** What `push` sends is partial whatever the handler wrote; complete metadata that says so is sent as it is. */
export function partialResult(init: ResultInit, defaults: ResultPush): ResultPush {
  const metadata = resultMetadata(init);
  if (isPartial(metadata.resultClass, metadata.resultFlags)) return metadata;
  return {
    ...(metadata === init ? metadata : completeResult(init, defaults)),
    resultClass: defaults.resultClass,
    resultFlags: metadata.resultFlags | defaults.resultFlags,
  };
}

export function lastResult(init: ResultInit, defaults: ResultPush): ResultPush {
  const metadata = completeResult(init, defaults);
  if (!isPartial(metadata.resultClass, metadata.resultFlags)) return metadata;
  throw new UsageError('complete: the metadata is that of a partial result; use push');
}
