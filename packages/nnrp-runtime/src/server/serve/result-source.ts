import { types } from 'node:util';
import { shownValue, UsageError } from 'nnrp-core';
import { leave } from '../../base/leave.js';
import { awaitHint, ignoreRejectionsWithin } from '../../base/thenable.js';
import type { ResultValue } from '../contract/server-messages.js';
import { responseFailure } from './response-failure.js';
import type { LastResult, ReadableResults, ResponseResults, ResultSource } from './serve-handlers.js';

export type Step = IteratorResult<ResultValue, LastResult>;

/** A stream of results while it is read: a generator, or what looks like one. */
export interface OpenSource {
  next(): Step | PromiseLike<Step>;
  /** Ends what makes the results. */
  return?(value: undefined): unknown;
}

/** What a source needs to know of the operation that it answers. */
export interface SourceOperation {
  readonly abortReason: unknown;
}

/** Whether what a handler has returned can be read as it is. Nearly every stream of results is one. */
export function isGenerator(outcome: unknown): outcome is OpenSource {
  return (
    typeof outcome === 'object' &&
    outcome !== null &&
    typeof (outcome as { next?: unknown }).next === 'function' &&
    (Symbol.asyncIterator in outcome || Symbol.iterator in outcome)
  );
}

/**
 * Whether a value is a stream of results rather than one result. Text, bytes and arrays can be iterated over, too, but are
 * bodies: an array is a list of chunks here as in every other place that takes a body. So are, by the look of them, boxed
 * text and what gives pairs of a name and a value (a Map, FormData, URLSearchParams): what these mean must not be guessed.
 */
export function isSource(value: unknown): value is ResultSource {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || ArrayBuffer.isView(value)) return false;
  if (isReadable(value) || isAsyncIterable(value) || isResponse(value)) return true;
  const { [Symbol.iterator]: iterate, entries } = value as { [Symbol.iterator]?: unknown; entries?: unknown };
  if (typeof iterate !== 'function') return false;
  return !(iterate === entries || types.isMap(value) || types.isBoxedPrimitive(value));
}

/**
 * Begins to read a source. The streams of fetch are asked for a reader, since their iterator cannot be left while it waits;
 * a stream of Node.js is destroyed for the same reason.
 *
 * @throws HandlerError for a response that is no success; what the source throws when it is opened
 */
export function openSource(source: ResultSource, operation: SourceOperation): OpenSource {
  if (isGenerator(source)) return source;
  if (isReadable(source)) {
    const reader = source.getReader();
    return new ReaderSource(having('read', reader, 'getReader() gives a reader'), operation);
  }
  if (isAsyncIterable(source)) {
    ignoreRejectionsWithin(source, 0);
    const iterator = having('next', source[Symbol.asyncIterator](), '[Symbol.asyncIterator]() gives an iterator');
    return 'destroy' in source ? new DestroyedSource(iterator, source as Destroyed) : iterator;
  }
  if (isResponse(source)) return openResponse(source, operation);
  return having('next', source[Symbol.iterator](), '[Symbol.iterator]() gives an iterator');
}

/** @throws UsageError when it has no such method: what the stream gives is no part of a stream */
function having<Name extends string, Part extends { [Method in Name]: unknown }>(
  method: Name,
  part: Part,
  gives: string,
): Part {
  const found: unknown = typeof part === 'object' && part !== null ? part[method] : undefined;
  if (typeof found !== 'function')
    throw new UsageError(`result stream: ${gives} with a method ${method}, got ${shownValue(part)}${awaitHint(part)}`);
  return part;
}

/** @throws UsageError when what `next` or `read` gave is no step */
export function checkStep(step: unknown): void {
  if (typeof step !== 'object' || step === null)
    throw new UsageError(`result stream: a step is an object with done and value, got ${shownValue(step)}`);
}

/** Leaves a source that was not begun. */
function leaveUnread(source: ResultSource, operation: SourceOperation): void {
  try {
    leave(openSource(source, operation));
  } catch {
    // There is nothing to leave.
  }
}

/** The body of a success is a stream of partial results; a failure is one of the handler, told to the client as such. */
function openResponse(response: ResponseResults, operation: SourceOperation): OpenSource {
  const { body } = response;
  if (!response.ok) {
    if (body !== null) leaveUnread(body, operation);
    throw responseFailure(response);
  }
  if (response.bodyUsed) throw new UsageError('result: the body of the response has been read already');
  if (body === null) return NO_RESULTS;
  if (typeof body !== 'object' || !(isReadable(body) || isAsyncIterable(body)))
    throw new UsageError(`result: body of the response takes a stream or null, got ${shownValue(body)}`);
  return openSource(body, operation);
}

const NO_RESULTS: OpenSource = { next: () => ({ done: true, value: undefined }) };

class ReaderSource implements OpenSource {
  constructor(
    private readonly reader: ReturnType<ReadableResults['getReader']>,
    private readonly operation: SourceOperation,
  ) {}

  next(): PromiseLike<Step> {
    // What it gives has the shape of a step.
    return this.reader.read() as PromiseLike<Step>;
  }

  return(): unknown {
    return this.reader.cancel(this.operation.abortReason);
  }
}

interface Destroyed {
  destroy?: unknown;
}

class DestroyedSource implements OpenSource {
  constructor(
    private readonly iterator: OpenSource,
    private readonly stream: Destroyed,
  ) {}

  next(): Step | PromiseLike<Step> {
    return this.iterator.next();
  }

  return(value: undefined): unknown {
    const { stream, iterator } = this;
    if (typeof stream.destroy === 'function') stream.destroy();
    return iterator.return?.(value);
  }
}

function isReadable(value: object): value is ReadableResults {
  return typeof (value as Partial<ReadableResults>).getReader === 'function';
}

function isAsyncIterable(value: object): value is { [Symbol.asyncIterator](): OpenSource } {
  return typeof (value as { [Symbol.asyncIterator]?: unknown })[Symbol.asyncIterator] === 'function';
}

function isResponse(value: object): value is ResponseResults {
  const { arrayBuffer, ok, status } = value as Partial<ResponseResults>;
  return typeof arrayBuffer === 'function' && typeof ok === 'boolean' && typeof status === 'number';
}
