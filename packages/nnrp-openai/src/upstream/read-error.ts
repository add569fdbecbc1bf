import { printable } from 'nnrp-core';
import { isObject, member } from 'nnrp-runtime/transport';
import { furtherMembers } from './further-members.js';
import type { Secrets } from './secrets.js';

/** The error of OpenAI's interface, as a gateway passes it on. */
export interface OpenAiError {
  readonly message: string;
  /** Null where the server says so: Azure does. */
  readonly type: string | null;
  readonly param: string | null;
  readonly code: string | number | null;
  /** What some servers say beside it, such as what a filter of contents has found. */
  readonly [further: string]: unknown;
}

type JsonObject = Readonly<Record<string, unknown>>;

const MAX_TEXT_BYTES = 4000;
/** Of the error and its message: 16 KiB are for all that is told, the id of the request included. */
const MAX_JSON_BYTES = 15 * 1024;
/** JSON and `printable` may take four bytes for one. */
const SHORT_TEXT_BYTES = 2000;
/** For a part that is cut, and how that is shown. */
const MIN_ROOM = 8;
const CUT = '…';
const MAX_NAME_BYTES = 200;
const REFUSED = 'invalid_request_error';
/** A name that programs compare, and no sentence that could tell of the server. */
const NAME = /^[A-Za-z_]{1,64}$/;

/**
 * `{ error: { message, type, param, code } }`, or what servers make of it.
 *
 * @param generic - its message, where it has none
 * @param unnamed - its type, where it has none
 */
export function readError(body: unknown, generic: string, secrets: Secrets, unnamed = REFUSED): OpenAiError {
  return fitting(wholeError(body, generic, secrets, unnamed));
}

/** As much as an error of NNRP holds, which has the message twice: members that OpenAI's errors do not have are left out first. */
function fitting(error: OpenAiError): OpenAiError {
  if (jsonBytes(error) + jsonBytes(error.message) <= MAX_JSON_BYTES) return error;
  const { message, type, param, code } = error;
  const named = { message, type, param, code };
  if (jsonBytes(named) + jsonBytes(message) <= MAX_JSON_BYTES) return named;
  return { ...named, message: printable(message, SHORT_TEXT_BYTES) };
}

function jsonBytes(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}

function wholeError(body: unknown, generic: string, secrets: Secrets, unnamed: string): OpenAiError {
  const wrapped = isObject(body) ? member(body, 'error') : undefined;
  const given = wrapped ?? body;
  if (typeof given === 'string' && given !== '') {
    const type = isObject(body) ? member(body, 'error_type') : undefined;
    return { message: message(given, secrets), type: name(type, secrets) ?? unnamed, param: null, code: null };
  }
  if (!isObject(given)) return { message: generic, type: unnamed, param: null, code: null };
  const [said, type, param, code] = ['message', 'type', 'param', 'code'].map((name) => member(given, name));
  return {
    ...(given === wrapped && furtherMembers(given, secrets)),
    message: typeof said === 'string' && said !== '' ? message(said, secrets) : (detail(given, secrets) ?? generic),
    type: type === null ? null : (name(type, secrets) ?? unnamed),
    param: name(param, secrets) ?? null,
    code: typeof code === 'number' ? code : (name(code, secrets) ?? null),
  };
}

/** How a server calls its failure, such as `unavailable_error`, without what it says of it. */
export function namesOf(body: unknown, secrets: Secrets): { readonly type?: string; readonly code?: string | number } {
  const error = isObject(body) ? (member(body, 'error') ?? body) : undefined;
  if (!isObject(error)) return {};
  const [type, code] = [member(error, 'type'), member(error, 'code')];
  const isName = (given: unknown): given is string =>
    typeof given === 'string' && NAME.test(given) && secrets.hide(given) === given;
  return {
    ...(isName(type) && { type }),
    ...((typeof code === 'number' || isName(code)) && { code }),
  };
}

/** What servers made with FastAPI say: a text, or a list of what is wrong where. */
function detail(given: JsonObject, secrets: Secrets): string | undefined {
  const found = member(given, 'detail');
  if (typeof found === 'string' && found !== '') return message(found, secrets);
  return Array.isArray(found) && found.length > 0 ? message(JSON.stringify(found), secrets) : undefined;
}

/** A text of several lines keeps them: it goes on within JSON. */
function message(given: string, secrets: Secrets): string {
  let shown = '';
  for (const [place, part] of secrets
    .hide(given)
    .split(/(\r?\n|\t)/)
    .entries()) {
    const room = MAX_TEXT_BYTES - Buffer.byteLength(shown);
    if (room < MIN_ROOM) return `${shown}${CUT}`;
    shown += place % 2 === 1 ? part : printable(part, room);
  }
  return shown;
}

function name(given: unknown, secrets: Secrets): string | undefined {
  return typeof given === 'string' ? printable(secrets.hide(given), MAX_NAME_BYTES) : undefined;
}
