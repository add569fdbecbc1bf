import type { Inspect } from './inspected.js';
import { printable, shownFormats } from './printable.js';

const MAX_CAUSES = 8;
/** So many characters of a stack are shown, and as many of that of each cause. */
const MAX_STACK = 32 * 1024;
/** The same of what an application has thrown: it may hold what a peer has sent. */
const MAX_STACK_OF_OTHERS = 8192;

/**
 * An error as util.inspect shows it: its stack, its own fields, and the stacks of its causes. What the errors of others
 * hold besides, such as the options of a connection, is not shown.
 *
 * @param inspect - the third argument of the method; absent where something else than util.inspect asks
 */
export function inspectedError(error: Error, depth: number, options: object, inspect: Inspect | undefined): unknown {
  const stack = shownLines(error, MAX_STACK).join('\n');
  if (inspect === undefined || depth < 0) return depth < 0 ? `[${stack.split('\n', 1)[0]}]` : stack;
  const { name: _, ...fields } = { ...error };
  const shown: Record<string, unknown> = fields;
  const text = Object.keys(shown).length === 0 ? stack : `${stack} ${shownFormats(inspect(shown, options))}`;
  return `${text}${causesOf(error, MAX_STACK)}`;
}

/**
 * The stack of what was thrown, and those of what has led to it, as text that no terminal obeys; nothing else that it holds. Never throws.
 */
export function shownStack(error: unknown): string {
  return `${shownLines(error, MAX_STACK_OF_OTHERS).join('\n')}${causesOf(error, MAX_STACK_OF_OTHERS)}`;
}

function causesOf(error: unknown, maxLength: number): string {
  let text = '';
  // By what they are, as one may have led to itself. It grows while it is read.
  const found = new Map([[error, '']]);
  for (const [one, kind] of found) {
    if (kind) text += `\n  [${kind}]: ${shownLines(one, maxLength).join('\n  ')}`;
    for (const [cause, why] of ledTo(one)) if (found.size <= MAX_CAUSES && !found.has(cause)) found.set(cause, why);
  }
  return text;
}

/** What a peer has sent may be in the messages of others, too. */
function shownLines(error: unknown, maxLength: number): string[] {
  const lines = stackOf(error).slice(0, maxLength).split('\n');
  return lines.map((line) => printable(line, maxLength));
}

/** What has led to an error: those of which it is several, as where no address of a name can be connected to, and its cause. */
function ledTo(error: unknown): [unknown, string][] {
  try {
    const { errors, cause } = Object(error) as Partial<AggregateError>;
    const several = Array.isArray(errors) ? errors.slice(0, MAX_CAUSES).filter((one) => one?.stack) : [];
    const led = several.map((one): [unknown, string] => [one, 'errors']);
    return (cause ?? undefined) === undefined ? led : [...led, [cause, 'cause']];
  } catch {
    return [];
  }
}

function stackOf(error: unknown): string {
  try {
    if (typeof error !== 'object' || error === null) return String(error);
    const { stack, message, name } = error as Partial<Error>;
    if (typeof stack === 'string' && stack !== '') return stack;
    if (typeof message !== 'string') return 'an object';
    return typeof name === 'string' ? `${name}: ${message}` : message;
  } catch {
    return 'something that cannot be shown as text';
  }
}
