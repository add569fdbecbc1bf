import type { Diagnostics, Position } from '../diagnostics.js';
import { camel, constant, kebab, pascal } from '../names.js';
import type { KsyEnum, KsyFile } from '../read-ksy.js';

/** Words that cannot name a local variable of a module, and names that a flyweight or its object already has. */
const TAKEN: ReadonlySet<string> = new Set([
  ...'await break case catch class const continue debugger default delete do else enum export extends false'.split(' '),
  ...'finally for function if implements import in instanceof interface let new null package private'.split(' '),
  ...'protected public return static super switch this throw true try typeof var void while with yield'.split(' '),
  ...['arguments', 'eval', 'undefined'],
  ...Object.getOwnPropertyNames(Object.prototype),
  // Names of the emitted code itself.
  ...['view', 'start', 'value', 'source', 'at', 'rule'],
  ...['decodeFailed', 'destinationTooShort', 'encodeFailed', 'outOfRange', 'sourceTooShort'],
]);

/** Modules of a revision that are not structures. */
const MODULES: readonly string[] = ['enums', 'flags', 'index', 'message-table', 'names', 'struct-table'];

/** Reports field ids whose TypeScript names are taken: by the language, by the emitted code or by another field. */
export function checkFieldNames(file: KsyFile, diagnostics: Diagnostics): void {
  const owners = new Map<string, string>();
  for (const field of file.fields) {
    if (field.size !== undefined) continue;
    const property = camel(field.id);
    const properties = field.type === 'u8' ? [property, `${property}Lo`, `${property}Hi`] : [property];
    if (TAKEN.has(property)) {
      diagnostics.report(field.at, `field ${field.id}: '${property}' is taken in the generated TypeScript`);
    }
    for (const name of properties) {
      const owner = owners.get(name);
      if (owner === undefined) owners.set(name, field.id);
      else if (owner !== field.id) {
        diagnostics.report(field.at, `field ${field.id}: '${name}' is also a property of field ${owner}`);
      }
    }
  }
}

/** Reports structures and enums whose wire names, exported names or modules clash within a revision. */
export function checkExportedNames(
  structs: readonly KsyFile[],
  enums: readonly KsyEnum[],
  flagSets: ReadonlySet<string>,
  diagnostics: Diagnostics,
): void {
  const owners = new Map<string, string>([['MESSAGES', 'the message table']]);
  const claim = (at: Position, owner: string, names: readonly string[]) => {
    const taken = names.find((name) => owners.has(name));
    if (taken !== undefined) diagnostics.report(at, `${owner}: the name '${taken}' belongs to ${owners.get(taken)}`);
    for (const name of names) if (!owners.has(name)) owners.set(name, owner);
  };
  for (const entry of enums) {
    const names = flagSets.has(entry.id) ? [`${constant(entry.id)}_MASK`] : [];
    claim(entry.at, `enum ${entry.id}`, [pascal(entry.id), `${pascal(entry.id)}Name`, ...names]);
    checkValueNames(entry, diagnostics);
  }
  const wireNames = new Map<string, string>();
  for (const { id, at, wireName, wireNameAt } of structs) {
    const [name, prefix] = [pascal(id), constant(id)];
    const functions = ['check', 'decode', 'encode'].map((verb) => `${verb}${name}`);
    const constants = ['BYTES', 'OFFSETS', 'RULES'].map((suffix) => `${prefix}_${suffix}`);
    claim(at, `schema ${id}`, [name, `${name}View`, ...functions, ...constants]);
    if (MODULES.includes(kebab(id))) diagnostics.report(at, `schema ${id}: the module '${kebab(id)}' is taken`);
    const wire = wireName ?? constant(id);
    if (!/^[A-Z][A-Z0-9_]*$/.test(wire)) diagnostics.report(wireNameAt, `wire-name '${wire}' is not in capitals`);
    const other = wireNames.get(wire);
    if (other !== undefined) diagnostics.report(wireNameAt, `wire-name '${wire}' is also that of ${other}`);
    else wireNames.set(wire, id);
  }
}

function checkValueNames(entry: KsyEnum, diagnostics: Diagnostics): void {
  const owners = new Map<string, string>();
  for (const { id, at } of entry.values) {
    const owner = owners.get(pascal(id));
    if (owner === undefined) owners.set(pascal(id), id);
    else if (owner !== id) diagnostics.report(at, `enum ${entry.id}: '${id}' and '${owner}' are both ${pascal(id)}`);
  }
}
