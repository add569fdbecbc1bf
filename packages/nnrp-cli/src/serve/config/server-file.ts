import { printable, SchemaRegistry, shownValue } from 'nnrp-core';
import type { NnrpServerOptions } from 'nnrp-runtime';
import { withoutByteOrderMark } from '../../byte-order-mark.js';
import { CommandUsageError } from '../../exit-code.js';
import { readSmallFile } from '../../files/small-file.js';
import { repeatedKey } from '../../json/repeated-key.js';
import { jsonText } from '../../json-text.js';
import { COMMAND_OPTIONS, type CommandOptions, readCommandOption } from './command-options.js';
import { readSchema } from './schema-entry.js';

/** Options of a server that are not data, or that the command line says: they have no place in a file. */
export const NOT_DATA = ['schemaRegistry', 'applicationPolicy', 'authorize', 'transports', 'logger'];
const MAX_U32 = 0xffffffff;
/** As much of a name as the server shows in its messages. */
const MAX_KEY_BYTES = 100;

/** What a configuration file says. */
export interface ServerFile {
  readonly command: CommandOptions;
  readonly config: NnrpServerOptions;
  /** Name of each option as the file writes it, for messages. */
  readonly writtenAs: ReadonlyMap<string, string>;
}

/** A file that says nothing. */
export const NO_FILE: ServerFile = { command: {}, config: {}, writtenAs: new Map() };

/**
 * Reads a configuration file: a JSON object with any option of NnrpServerOptions that is data, in camelCase or
 * snake_case, `schemas` and `policyCode`, and what {@link CommandOptions} has. Ranges and unknown options are for the server to judge, see
 * {@link explainConfigError}.
 *
 * @throws CommandUsageError that names file and key
 */
export function readServerFile(path: string): ServerFile {
  const fail = (message: string): never => {
    throw new CommandUsageError(`${path}: ${message}`);
  };
  let text: string;
  try {
    text = withoutByteOrderMark(readSmallFile(path).toString());
  } catch (error) {
    return fail(`cannot be read: ${(error as Error).message}`);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return fail(`is no JSON: ${(error as Error).message}`);
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return fail('expected a JSON object');
  // Messages show values, so every value has to be one that can be shown.
  if (jsonText(json) === undefined) return fail('is nested too deeply');
  const repeated = repeatedKey(text);
  if (repeated !== undefined) return fail(`${repeated}: stands twice`);

  const command: Record<string, unknown> = {};
  const config: Record<string, unknown> = {};
  const writtenAs = new Map<string, string>();
  for (const [key, value] of Object.entries(json)) {
    // For editors.
    if (key === '$schema') continue;
    const option = key.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
    if (writtenAs.has(option)) fail(`${shownKey(key)}: the option is given twice`);
    if (NOT_DATA.includes(option)) fail(`${shownKey(key)}: cannot be set in a file`);
    if (value === null) fail(`${shownKey(key)}: takes a value, got null`);
    if (COMMAND_OPTIONS.includes(option)) {
      if (Object.hasOwn(command, option)) fail(`${shownKey(key)}: the option is given twice`);
      command[option] = readCommandOption(option, value, path, (message) => fail(`${key}${message}`));
      continue;
    }
    writtenAs.set(option, key);
    if (option === 'schemas') config['schemaRegistry'] = schemaRegistry(value, (message) => fail(`${key}${message}`));
    else if (option === 'policyCode')
      config['applicationPolicy'] = policy(value, (message) => fail(`${key}${message}`));
    else config[option] = value;
  }
  return { command, config: config as NnrpServerOptions, writtenAs };
}

/** What a server says against a configuration, with the file and the key as it is written there. */
export function explainConfigError(message: string, path: string, { writtenAs }: ServerFile): CommandUsageError {
  const text = message.replace(/^\[\w+\] (?:server configuration: |listen: (?:listener \d+ of \d+: )?)?/, '');
  for (const [option, key] of writtenAs) {
    const unknown = `there is no option '${printable(option, MAX_KEY_BYTES)}'`;
    if (!text.startsWith(unknown)) continue;
    const ofCommand = option.length > 2 ? COMMAND_OPTIONS.find((known) => known.startsWith(option)) : undefined;
    const meant = ofCommand ?? /^; did you mean (\w+)\?/.exec(text.slice(unknown.length))?.[1];
    const guess = meant === undefined ? '' : `; did you mean ${keyOf(meant)}?`;
    return new CommandUsageError(`${path}: there is no option '${shownKey(key)}'${guess}`);
  }
  // The first word that is an option is the one the message is about.
  const index = [...text.matchAll(/[\w$]+/g)].find(([word]) => writtenAs.has(word));
  if (index === undefined) return new CommandUsageError(`${path}: ${text}`);
  const [option] = index;
  const after = text.slice(index.index + option.length);
  return new CommandUsageError(`${path}: ${text.slice(0, index.index)}${writtenAs.get(option)}${after}`);
}

/** An option as files write it, such as max_sessions. */
function keyOf(option: string): string {
  return option.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function shownKey(key: string): string {
  return printable(key, MAX_KEY_BYTES);
}

function schemaRegistry(value: unknown, fail: (message: string) => never): SchemaRegistry {
  if (!Array.isArray(value)) return fail(': takes a list of [id, version] pairs or schema headers');
  return new SchemaRegistry(value.map((entry, index) => readSchema(entry, (message) => fail(`[${index}]${message}`))));
}

function policy(value: unknown, fail: (message: string) => never): NnrpServerOptions['applicationPolicy'] {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > MAX_U32) {
    return fail(`: takes an integer of 0 to ${MAX_U32}, got ${shownValue(value)}`);
  }
  const answer = value === 0 ? undefined : value;
  return { validateSessionOpen: () => answer };
}
