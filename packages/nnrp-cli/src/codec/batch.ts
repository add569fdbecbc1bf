import { withoutByteOrderMark } from '../byte-order-mark.js';
import { type CliIo, inputChunks, writeFully } from '../cli-io.js';
import type { JsonObject } from '../json/json-object.js';
import { RequestError, requestFault } from '../json/request-error.js';
import { errorJson, jsonText, terminalJson } from '../json-text.js';
import { answerVector, impliedOp, VECTOR_OPS } from '../vectors/vector-request.js';
import { type CodecRequest, performRequest } from './codec-request.js';
import { LINE_TOO_LONG, LineSplitter } from './line-splitter.js';

/** Longest request, in bytes of its line. */
const MAX_LINE_BYTES = 64 * 1024 * 1024;
/** Kinds of the vectors that say what is read, without the name of a structure. */
const WHOLE_KINDS = ['header', 'packet'];
/** Answers are joined up to about this many characters before they are written. */
const WRITE_CHARACTERS = 64 * 1024;

/** What a request line means when it does not say so itself. */
export interface BatchDefaults {
  readonly op: CodecRequest['op'];
  readonly struct?: string;
  readonly revision?: string;
  readonly names: boolean;
  /** For tests; default 64 MiB. */
  readonly maxLineBytes?: number;
}

/**
 * Answers request lines from standard input, one line each and in order, until the input ends. Memory does not grow
 * with the number of lines, and reading waits for a slow reader of the answers. A byte order mark in front of the first
 * line is ignored.
 *
 * @throws (as a rejection) when the input cannot be read or the output not be written
 */
export async function runBatch(io: CliIo, defaults: BatchDefaults): Promise<void> {
  const lines = new LineSplitter(defaults.maxLineBytes ?? MAX_LINE_BYTES);
  let answers = '';
  let isFirst = true;
  const answerNext = (line: string | typeof LINE_TOO_LONG): string => {
    const request = isFirst && line !== LINE_TOO_LONG ? withoutByteOrderMark(line) : line;
    isFirst = false;
    return `${answerLine(request, defaults)}\n`;
  };
  for await (const chunk of inputChunks(io.stdin)) {
    for (const line of lines.push(chunk)) {
      answers += answerNext(line);
      if (answers.length < WRITE_CHARACTERS) continue;
      await writeFully(io.stdout, answers);
      answers = '';
    }
    // The sender of these lines may wait for their answers before it sends more.
    if (answers !== '') await writeFully(io.stdout, answers);
    answers = '';
  }
  const last = lines.end();
  if (last !== undefined) await writeFully(io.stdout, answerNext(last));
}

/** The answer to one request line, without a line feed. */
export function answerLine(line: string | typeof LINE_TOO_LONG, defaults: BatchDefaults): string {
  let id = 'null';
  try {
    const request = parseLine(line, defaults);
    id = idText(request['id']);
    return withId(id, JSON.stringify(answerTo(request, defaults)));
  } catch (error) {
    const fault = requestFault(error);
    if (fault === undefined) throw error;
    return withId(id, errorJson({ error: fault }));
  }
}

/** The id as JSON. @throws RequestError bad_request when it could not come back as it was sent */
function idText(id: unknown): string {
  if (typeof id === 'number' && !Number.isSafeInteger(id)) {
    throw badRequest('id is a number that may not come back the same: send it as a string');
  }
  const text = jsonText(id ?? null);
  if (text === undefined) throw badRequest('id is nested too deeply');
  return terminalJson(text);
}

/** @param id - as JSON @param answer - as JSON, with at least one property */
function withId(id: string, answer: string): string {
  return `{"id":${id},${answer.slice(1)}`;
}

function parseLine(line: string | typeof LINE_TOO_LONG, defaults: BatchDefaults): Record<string, unknown> {
  if (line === LINE_TOO_LONG)
    throw badRequest(`the line is longer than ${defaults.maxLineBytes ?? MAX_LINE_BYTES} bytes`);
  let request: unknown;
  try {
    request = JSON.parse(line);
  } catch (error) {
    throw badRequest(`not JSON: ${(error as Error).message}`);
  }
  if (typeof request !== 'object' || request === null || Array.isArray(request)) throw badRequest('not a JSON object');
  return request as Record<string, unknown>;
}

function answerTo(request: JsonObject, defaults: BatchDefaults): object {
  const { op = impliedOp(request) ?? defaults.op, revision = defaults.revision, kind } = request;
  if (op !== 'decode' && op !== 'encode' && !VECTOR_OPS.includes(op as string)) {
    throw badRequest(`op takes ${['decode', 'encode', ...VECTOR_OPS].map((name) => `'${name}'`).join(', ')}`);
  }
  const isNamed = request['struct'] !== undefined;
  const struct = isNamed || typeof kind !== 'string' || !WHOLE_KINDS.includes(kind) ? undefined : kind.toUpperCase();
  const named = struct === undefined ? request : { ...request, struct };
  return answerVector(op as string, revision, named) ?? performRequest(readRequest(named, defaults));
}

function readRequest(request: Record<string, unknown>, defaults: BatchDefaults): CodecRequest {
  const { struct = defaults.struct, revision = defaults.revision, hex, fields } = request;
  const op = request['op'] === 'encode' || request['op'] === 'decode' ? request['op'] : defaults.op;
  if (struct === undefined) throw badRequest('struct is missing');
  if (typeof struct !== 'string') throw badRequest('struct takes the name of a structure');
  return { op, struct, hex, fields, messageType: request['message_type'], names: defaults.names, revision };
}

function badRequest(message: string): RequestError {
  return new RequestError({ kind: 'bad_request', message });
}
