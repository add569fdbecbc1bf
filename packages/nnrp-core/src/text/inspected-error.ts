import type { Inspect } from './inspected.js';
import { printable, shownFormats } from './printable.js';

const MAX_CAUSES = 8;
const MAX_LINE_BYTES = 32 * 1024;

/**
 * An error as util.inspect shows it: its stack, its own fields, and the stacks of its causes. What the errors of others
 * hold besides, such as the options of a connection, is not shown.
 *
 * @param inspect - the third argument of the method; absent where something else than util.inspect asks
 */
export function inspectedError(error: Error, depth: number, options: object, inspect: Inspect | undefined): unknown {
  const stack = printableLines(stackOf(error)).join('\n');
  if (inspect === undefined || depth < 0) return depth < 0 ? `[${stack.split('\n', 1)[0]}]` : stack;
  const { name: _, ...fields } = { ...error };
  const shown: Record<string, unknown> = fields;
  const text = Object.keys(shown).length === 0 ? stack : `${stack} ${shownFormats(inspect(shown, options))}`;
  return `${text}${causesOf(error)}`;
}

/** The stack of an error of others, and those of its causes, as text that no terminal obeys; nothing else that it holds. */
export function shownStack(error: Error): string {
  return `${printableLines(stackOf(error)).join('\n')}${causesOf(error)}`;
}

function causesOf(error: Error): string {
  let text = '';
  let { cause } = error;
  for (let count = 0; cause !== undefined && cause !== null && count < MAX_CAUSES; count++) {
    text += `\n  [cause]: ${printableLines(stackOf(cause)).join('\n  ')}`;
    cause = causeOf(cause);
  }
  return text;
}

/** What a peer has sent may be in the messages of others, too. */
function printableLines(stack: string): string[] {
  return stack.split('\n').map((line) => printable(line, MAX_LINE_BYTES));
}

function causeOf(error: unknown): unknown {
  try {
    return typeof error === 'object' ? (error as Error).cause : undefined;
  } catch {
    return undefined;
  }
}

function stackOf(error: unknown): string {
  try {
    if (typeof error !== 'object' || error === null) return String(error);
    const { stack, message, name } = error as Partial<Error>;
    if (typeof stack === 'string' && stack !== '') return stack;
    return typeof message === 'string' ? `${name}: ${message}` : 'an object';
  } catch {
    return 'something that cannot be shown as text';
  }
}
