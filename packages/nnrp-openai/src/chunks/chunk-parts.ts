import { isObject, member } from 'nnrp-runtime/transport';

export type JsonObject = Readonly<Record<string, unknown>>;

/** Where the piece of a chunk lies: `choices[0].delta.content` of chats, `choices[0].text` of completions. */
export type PieceName = 'content' | 'text' | 'tool_calls';

/** A chunk with one choice and one piece in it, which all that streams bring is but for their beginning and end. */
export interface ChunkParts {
  readonly index: number;
  readonly name: PieceName;
  readonly piece: unknown;
  /** The chunk, with null in the place of the piece. */
  readonly frame: JsonObject;
}

/** @returns undefined when the chunk is no such one */
export function partsOf(chunk: JsonObject): ChunkParts | undefined {
  const choice = onlyChoice(chunk);
  if (choice === undefined) return undefined;
  const index = member(choice, 'index');
  if (!Number.isInteger(index) || (index as number) < 0) return undefined;
  const name = pieceIn(choice);
  if (name === undefined) return undefined;
  const piece = name === 'text' ? choice['text'] : (choice['delta'] as JsonObject)[name];
  return { index: index as number, name, piece, frame: put(chunk, name, null) };
}

/** The chunk with this piece in its place. @returns undefined when it has no such place */
export function withPiece(frame: JsonObject, name: PieceName, piece: unknown): JsonObject | undefined {
  const choice = onlyChoice(frame);
  if (choice === undefined) return undefined;
  const holder = name === 'text' ? choice : member(choice, 'delta');
  return isObject(holder) && Object.hasOwn(holder, name) ? put(frame, name, piece) : undefined;
}

function onlyChoice(chunk: JsonObject): JsonObject | undefined {
  const choices = member(chunk, 'choices');
  if (!Array.isArray(choices) || choices.length !== 1) return undefined;
  return isObject(choices[0]) ? choices[0] : undefined;
}

function pieceIn(choice: JsonObject): PieceName | undefined {
  const delta = member(choice, 'delta');
  if (!isObject(delta)) return typeof member(choice, 'text') === 'string' ? 'text' : undefined;
  const tools = member(delta, 'tool_calls');
  if (Array.isArray(tools)) return typeof member(delta, 'content') === 'string' ? undefined : 'tool_calls';
  return typeof member(delta, 'content') === 'string' ? 'content' : undefined;
}

/** Spreading keeps the order of members, and takes `__proto__` for a name like any other. */
function put(chunk: JsonObject, name: PieceName, piece: unknown): JsonObject {
  const choice = (chunk['choices'] as readonly JsonObject[])[0] as JsonObject;
  const changed =
    name === 'text'
      ? { ...choice, text: piece }
      : { ...choice, delta: { ...(choice['delta'] as object), [name]: piece } };
  return { ...chunk, choices: [changed] };
}
