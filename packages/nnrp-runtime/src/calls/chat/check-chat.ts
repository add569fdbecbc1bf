import { isObject, member } from '../../base/json.js';
import type { ChatCompletion, ChatDelta } from './chat-shapes.js';

/** What does not fit, and where: `messages[2].role`. */
export interface ShapeFault {
  readonly param: string;
  readonly message: string;
}

/** @returns what does not fit in the body of a chat request; undefined when nothing does not */
export function requestFault(body: unknown): ShapeFault | undefined {
  if (!isObject(body)) return fault('body', 'an object', body);
  const { model, messages, stream } = {
    model: member(body, 'model'),
    messages: member(body, 'messages'),
    stream: member(body, 'stream'),
  };
  if (model !== undefined && typeof model !== 'string') return fault('model', 'a text', model);
  if (stream !== undefined && stream !== null && typeof stream !== 'boolean')
    return fault('stream', 'true or false', stream);
  if (!Array.isArray(messages) || messages.length === 0)
    return fault('messages', 'a list of at least one message', messages);
  for (const [index, message] of messages.entries()) {
    if (!isObject(message)) return fault(`messages[${index}]`, 'an object', message);
    const role = member(message, 'role');
    if (typeof role !== 'string') return fault(`messages[${index}].role`, 'a text', role);
  }
  return undefined;
}

/** @returns what does not fit in a partial result of a chat */
export function deltaFault(value: unknown): ShapeFault | undefined {
  if (!isObject(value)) return fault('delta', 'an object', value);
  const type = member(value, 'type');
  if (typeof type !== 'string') return fault('delta.type', 'a text', type);
  const needed = NEEDED[type];
  for (const [name, takes, fits] of needed ?? []) {
    const found = member(value, name);
    if (!fits(found)) return fault(`delta.${name} of ${type}`, takes, found);
  }
  return undefined;
}

/** @returns what does not fit in the answer of a chat */
export function completionFault(value: unknown): ShapeFault | undefined {
  if (!isObject(value)) return fault('completion', 'an object', value);
  const choices = member(value, 'choices');
  if (!Array.isArray(choices)) return fault('completion.choices', 'a list', choices);
  for (const [index, choice] of choices.entries()) {
    const message = isObject(choice) ? member(choice, 'message') : undefined;
    if (!isObject(choice) || !isObject(message))
      return fault(`completion.choices[${index}]`, 'an object with a message', choice);
    const tools = member(message, 'tool_calls');
    if (!isNone(tools) && !(Array.isArray(tools) && tools.every(isToolCall)))
      return fault(`completion.choices[${index}].message.tool_calls`, 'a list of calls of functions', tools);
    const reason = member(choice, 'finish_reason');
    if (!isNone(reason) && typeof reason !== 'string')
      return fault(`completion.choices[${index}].finish_reason`, 'a text', reason);
  }
  const usage = member(value, 'usage');
  return isNone(usage) || isObject(usage) ? undefined : fault('completion.usage', 'an object', usage);
}

export function isDelta(value: unknown): value is ChatDelta {
  return deltaFault(value) === undefined;
}

export function isCompletion(value: unknown): value is ChatCompletion {
  return completionFault(value) === undefined;
}

type Need = readonly [name: string, takes: string, fits: (value: unknown) => boolean];

const INDEX: Need = ['index', 'an integer from 0 on', (value) => Number.isInteger(value) && (value as number) >= 0];
const NEEDED: Readonly<Record<string, readonly Need[] | undefined>> = Object.assign(Object.create(null), {
  'response.output_text.delta': [INDEX, ['delta', 'a text', (value) => typeof value === 'string']],
  'response.tool_calls.delta': [
    INDEX,
    ['tool_calls', 'a list of pieces with an index, whose names and arguments are texts', isToolCalls],
  ],
  'response.usage': [['usage', 'an object', isObject]],
} satisfies Record<string, readonly Need[]>);

/** A call of a function, or of another type, which has other members. */
function isToolCall(value: unknown): boolean {
  if (!isObject(value)) return false;
  const called = member(value, 'function');
  return called === undefined || (isObject(called) && areTexts(called, ['name', 'arguments']));
}

function isToolCalls(value: unknown): boolean {
  return Array.isArray(value) && value.every(isPiece);
}

function isPiece(value: unknown): boolean {
  if (!isObject(value) || !Number.isInteger(member(value, 'index')) || !areTexts(value, ['id', 'type'])) return false;
  const called = member(value, 'function');
  return isNone(called) || (isObject(called) && areTexts(called, ['name', 'arguments']));
}

function areTexts(object: Readonly<Record<string, unknown>>, names: readonly string[]): boolean {
  return names.every((name) => {
    const value = member(object, name);
    return isNone(value) || typeof value === 'string';
  });
}

function isNone(value: unknown): value is undefined | null {
  return value === undefined || value === null;
}

/** Of the value only its kind is told: it is a piece of a conversation. */
function fault(param: string, takes: string, value: unknown): ShapeFault {
  const kind = value === null ? 'null' : Array.isArray(value) ? listKind(value) : typeof value;
  return { param, message: `${param} takes ${takes}, got ${kind}` };
}

function listKind({ length }: readonly unknown[]): string {
  return length === 0 ? 'an empty list' : 'a list';
}
