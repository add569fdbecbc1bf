import { checkMeta, META_KEYS } from './checks/check-meta.js';
import type { Diagnostics, Position } from './diagnostics.js';
import { isBlank, YamlNode } from './yaml-node.js';

/** One `valid` key; Kaitai allows one kind, except that `min` and `max` go together. */
export type KsyValid =
  | { readonly kind: 'eq'; readonly value: number; readonly at: Position }
  | { readonly kind: 'in-enum'; readonly at: Position }
  | { readonly kind: 'expr'; readonly source: string; readonly at: Position };

export interface KsyField {
  readonly id: string;
  readonly at: Position;
  /** u1, u2, u4, u8 or s2; undefined for `contents` and for zero-size checks. */
  readonly type: string | undefined;
  readonly size: number | undefined;
  readonly contents: string | undefined;
  /** Enum id without the `nnrp_enums::` prefix. */
  readonly enum: string | undefined;
  readonly enumAt: Position;
  readonly valid: KsyValid | undefined;
  readonly doc: string;
  readonly docRef: string;
  /** Error kind of a failing constant, such as unsupported_version_major. */
  readonly faultKind: string | undefined;
  readonly faultKindAt: Position;
  /** Name under which a zero check is reported, where it is not the field's own. */
  readonly faultName: string | undefined;
  /** Enum of single bits that names the bits of this bitmap. */
  readonly flags: string | undefined;
  readonly flagsAt: Position;
  /** Rule of a zero-size check, such as HELLO-1. */
  readonly rule: string | undefined;
}

export interface KsyEnumValue {
  readonly value: number;
  readonly id: string;
  readonly doc: string;
  readonly docRef: string;
  readonly at: Position;
  /** The row of the message table, on values of message_type. */
  readonly message: KsyMessage | undefined;
}

export interface KsyMessage {
  readonly direction: string;
  readonly metadata: string | undefined;
  readonly sessionId: string;
  readonly frameId: string;
  readonly body: string;
  readonly headerOnlyRule: string | undefined;
  readonly noMetadataRule: string | undefined;
  /** Fields of the metadata whose sum is the length of the body; undefined where the body has any length. */
  readonly bodyLengths: readonly string[] | undefined;
}

export interface KsyEnum {
  readonly id: string;
  readonly at: Position;
  readonly values: readonly KsyEnumValue[];
}

export interface KsyFile {
  readonly path: string;
  readonly at: Position;
  readonly id: string;
  readonly title: string;
  /** Ids of the schemas it imports. */
  readonly imports: readonly string[];
  readonly doc: string;
  readonly docRef: string;
  readonly wireName: string | undefined;
  readonly wireNameAt: Position;
  readonly faultName: string | undefined;
  readonly checks: readonly { readonly id: string; readonly at: Position }[] | undefined;
  readonly flagSets: readonly string[];
  /** Enums of the layer below that this one does not have. */
  readonly removes: readonly string[];
  readonly fields: readonly KsyField[];
  readonly enums: readonly KsyEnum[];
}

const ID = /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/;
const RULE = /^[A-Z][A-Z0-9]*-[0-9]+$/;
const FAULT_NAME = /^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?$/;
const ENUM_PREFIX = 'nnrp_enums::';

/**
 * Reads one schema file of the fixed-structure subset: a flat `seq` of integers, constants and zero-size checks, or
 * enums. Anything outside the subset is reported with file and line.
 */
export function readKsy(path: string, text: string, diagnostics: Diagnostics): KsyFile {
  const root = YamlNode.parse(path, text, diagnostics);
  const top = root.map('schema', ['meta', 'doc', 'doc-ref', 'seq', 'enums']);
  const meta = top.get('meta')?.map('meta', META_KEYS);
  if (meta === undefined) {
    diagnostics.report(root.at, 'schema: meta is missing');
    return emptyFile(path, root.at);
  }
  const imports = checkMeta(path, root, meta, top.has('seq'), diagnostics).map(({ id }) => id);
  const vendor = meta.get('-nnrp')?.map('meta/-nnrp', ['wire-name', 'fault-name', 'checks', 'flag-sets', 'removes']);
  return {
    path,
    at: root.at,
    id: String(meta.get('id')?.scalar()),
    title: String(meta.get('title')?.scalar()),
    imports,
    ...documentation(top, root.at, 'schema', diagnostics),
    wireName: vendor?.get('wire-name')?.string('wire-name'),
    wireNameAt: vendor?.get('wire-name')?.at ?? root.at,
    faultName: matching(FAULT_NAME, vendor?.get('fault-name'), 'fault-name', diagnostics),
    checks: vendor
      ?.get('checks')
      ?.items('checks')
      .map((node) => ({ id: node.string('checks'), at: node.at })),
    flagSets:
      vendor
        ?.get('flag-sets')
        ?.items('flag-sets')
        .map((node) => node.string('flag-sets')) ?? [],
    removes:
      vendor
        ?.get('removes')
        ?.items('removes')
        .map((node) => node.string('removes')) ?? [],
    fields: (top.get('seq')?.items('seq') ?? []).map((node) => readField(node, diagnostics)),
    enums: (top.get('enums')?.entries('enums') ?? []).map(({ key, keyAt, value }) => ({
      id: identifier(key, keyAt, diagnostics),
      at: keyAt,
      values: value.entries(`enum ${key}`).map((entry) => readEnumValue(entry, diagnostics)),
    })),
  };
}

function readField(node: YamlNode, diagnostics: Diagnostics): KsyField {
  const keys = ['id', 'type', 'size', 'contents', 'enum', 'valid', 'doc', 'doc-ref', '-nnrp'];
  const map = node.map('field', keys);
  const id = identifier(map.get('id')?.string('field id') ?? '', node.at, diagnostics);
  const what = `field ${id}`;
  const vendor = map.get('-nnrp')?.map(`${what}/-nnrp`, ['kind', 'fault', 'flags', 'rule']);
  return {
    id,
    at: node.at,
    type: map.get('type')?.string(`${what}/type`),
    size: map.get('size')?.integer(`${what}/size`),
    contents: map.get('contents')?.string(`${what}/contents`),
    enum: readEnumName(map.get('enum'), what, diagnostics),
    enumAt: map.get('enum')?.at ?? node.at,
    valid: readValid(map.get('valid'), what, diagnostics),
    ...documentation(map, node.at, what, diagnostics),
    faultKind: vendor?.get('kind')?.string(`${what}/kind`),
    faultKindAt: vendor?.get('kind')?.at ?? node.at,
    faultName: matching(FAULT_NAME, vendor?.get('fault'), `${what}/fault`, diagnostics),
    flags: vendor?.get('flags')?.string(`${what}/flags`),
    flagsAt: vendor?.get('flags')?.at ?? node.at,
    rule: matching(RULE, vendor?.get('rule'), `${what}/rule`, diagnostics),
  };
}

function readEnumName(node: YamlNode | undefined, what: string, diagnostics: Diagnostics): string | undefined {
  const name = node?.string(`${what}/enum`);
  if (node === undefined || name === undefined) return undefined;
  if (!name.startsWith(ENUM_PREFIX)) diagnostics.report(node.at, `${what}: write enum: ${ENUM_PREFIX}${name}`);
  return name.replace(ENUM_PREFIX, '');
}

/** A string that also stands in faults, and so in emitted code. */
function matching(
  pattern: RegExp,
  node: YamlNode | undefined,
  what: string,
  diagnostics: Diagnostics,
): string | undefined {
  const text = node?.string(what);
  if (node !== undefined && text && !pattern.test(text)) {
    diagnostics.report(node.at, `${what}: '${text}' does not match ${pattern.source}`);
  }
  return text;
}

function readValid(node: YamlNode | undefined, what: string, diagnostics: Diagnostics): KsyValid | undefined {
  if (node === undefined) return undefined;
  if (!node.isMap()) {
    const value = node.integer(`${what}/valid`);
    if (value >= 0x80000000) {
      diagnostics.report(node.at, `${what}: a scalar valid of 0x80000000 or more is refused by the Kaitai compiler`);
    }
    return { kind: 'eq', value, at: node.at };
  }
  const map = node.map(`${what}/valid`, ['eq', 'in-enum', 'expr']);
  if (map.size !== 1) {
    diagnostics.report(node.at, `${what}: valid takes one kind of check, got ${[...map.keys()].join(', ') || 'none'}`);
  }
  const eq = map.get('eq');
  if (eq !== undefined) return { kind: 'eq', value: Number(eq.scalar()), at: node.at };
  const expr = map.get('expr');
  if (expr !== undefined) return { kind: 'expr', source: String(expr.scalar()), at: expr.at };
  if (map.get('in-enum')?.scalar() !== true) diagnostics.report(node.at, `${what}: in-enum must be true`);
  return { kind: 'in-enum', at: node.at };
}

function readEnumValue(
  entry: { rawKey: unknown; keyAt: Position; value: YamlNode },
  diagnostics: Diagnostics,
): KsyEnumValue {
  const map = entry.value.map('enum value', ['id', 'doc', 'doc-ref', '-nnrp']);
  if (!Number.isSafeInteger(entry.rawKey)) diagnostics.report(entry.keyAt, 'enum value: the key must be an integer');
  const id = identifier(map.get('id')?.string('enum value id') ?? '', entry.keyAt, diagnostics);
  return {
    value: Number(entry.rawKey),
    id,
    at: entry.keyAt,
    ...documentation(map, entry.keyAt, `enum value ${id}`, diagnostics),
    message: readMessage(map.get('-nnrp'), id),
  };
}

function readMessage(node: YamlNode | undefined, id: string): KsyMessage | undefined {
  if (node === undefined) return undefined;
  const what = `message ${id}`;
  const keys = [
    'direction',
    'metadata',
    'session-id',
    'frame-id',
    'body',
    'header-only',
    'no-metadata',
    'body-lengths',
  ];
  const map = node.map(what, keys);
  return {
    direction: map.get('direction')?.string(what) ?? '',
    metadata: map.get('metadata')?.string(what),
    sessionId: map.get('session-id')?.string(what) ?? '',
    frameId: map.get('frame-id')?.string(what) ?? '',
    body: map.get('body')?.string(what) ?? '',
    headerOnlyRule: map.get('header-only')?.string(what),
    noMetadataRule: map.get('no-metadata')?.string(what),
    bodyLengths: map
      .get('body-lengths')
      ?.items(what)
      .map((entry) => entry.string(what)),
  };
}

function documentation(
  map: Map<string, YamlNode>,
  at: Position,
  what: string,
  diagnostics: Diagnostics,
): { doc: string; docRef: string } {
  const read = (key: string): string => {
    const node = map.get(key);
    if (node === undefined) {
      diagnostics.report(at, `${what}: ${key} is missing`);
      return '';
    }
    if (isBlank(node)) diagnostics.report(node.at, `${what}: ${key} is empty`);
    return node.string(`${what}/${key}`).trim().replace(/\s+/g, ' ');
  };
  return { doc: read('doc'), docRef: read('doc-ref') };
}

function identifier(id: string, at: Position, diagnostics: Diagnostics): string {
  if (!ID.test(id)) diagnostics.report(at, `'${id}' is not a lower-case identifier`);
  return id;
}

function emptyFile(path: string, at: Position): KsyFile {
  const texts = { id: '', title: '', doc: '', docRef: '', wireName: undefined, wireNameAt: at, faultName: undefined };
  return { path, at, ...texts, imports: [], checks: undefined, flagSets: [], removes: [], fields: [], enums: [] };
}
