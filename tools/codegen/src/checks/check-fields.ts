import type { Diagnostics } from '../diagnostics.js';
import type { KsyEnum, KsyField, KsyFile } from '../read-ksy.js';

/** Kinds of fault with which a constant or an enum may refuse; faultAt of nnrp-core reports these and no other. */
const VALUE_KINDS: readonly string[] = [
  'invalid_header_length',
  'unsupported_version_major',
  'unsupported_wire_format',
  'unknown_message_type',
];
const MAGIC_KIND = 'invalid_magic';
const MAX_OF: Readonly<Record<string, number>> = { u1: 0xff, u2: 0xffff, u4: 0xffffffff, u8: 0xffffffff, s2: 0x7fff };
const ENUM_FILE = 'nnrp_enums';

/** Checks the fields of a structure against the enums they name, and their vendor keys against what they stand on. */
export function checkFields(file: KsyFile, enums: ReadonlyMap<string, KsyEnum>, diagnostics: Diagnostics): void {
  for (const field of file.fields) {
    checkKind(field, diagnostics);
    checkWidth(field, field.enum, 'enum', enums, diagnostics);
    checkWidth(field, field.flags, 'flag set', enums, diagnostics);
  }
  const user = file.fields.find((field) => field.enum !== undefined);
  if (user !== undefined && !file.imports.includes(ENUM_FILE)) {
    diagnostics.report(user.enumAt, `field ${user.id}: meta/imports lacks ${ENUM_FILE}`);
  }
}

function checkKind(field: KsyField, diagnostics: Diagnostics): void {
  const { faultKind, faultKindAt: at, valid } = field;
  if (faultKind === undefined) return;
  const allowed = field.contents === undefined ? VALUE_KINDS : [MAGIC_KIND];
  if (!allowed.includes(faultKind)) {
    diagnostics.report(at, `field ${field.id}: kind must be one of ${allowed.join(', ')}, got '${faultKind}'`);
  } else if (field.contents === undefined && valid?.kind !== 'eq' && valid?.kind !== 'in-enum') {
    diagnostics.report(at, `field ${field.id}: kind needs a constant or in-enum that can fail`);
  }
}

function checkWidth(
  field: KsyField,
  id: string | undefined,
  what: string,
  enums: ReadonlyMap<string, KsyEnum>,
  diagnostics: Diagnostics,
): void {
  const max = MAX_OF[field.type ?? ''];
  const wide = enums.get(id ?? '')?.values.find(({ value }) => max !== undefined && !(value >= 0 && value <= max));
  if (wide === undefined) return;
  const at = what === 'enum' ? field.enumAt : field.flagsAt;
  diagnostics.report(at, `field ${field.id}: ${wide.value} of ${what} '${id}' does not fit ${field.type}`);
}
