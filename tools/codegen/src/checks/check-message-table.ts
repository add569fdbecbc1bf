import type { Diagnostics, Position } from '../diagnostics.js';
import type { Layout, MessageLayout } from '../layout.js';
import type { YamlNode } from '../yaml-node.js';

const TYPE_PREFIX = 'nnrp_enums::message_type::';
const LENGTH_INSTANCE = 'expected_meta_len';
const BODY_CHECK = 'check_body_none';
const LENGTH_KIND = 'declared_length_mismatch';

/** The schema's top-level keys. */
type Keys = ReadonlyMap<string, YamlNode>;

/**
 * Compares what the packet schema says of messages with the message table: the structure of each metadata, its length,
 * and which messages the checks of lengths are for. The schema repeats the table because Kaitai cannot read it.
 *
 * @param root - the packet schema, where missing parts are reported
 */
export function checkMessageTable(root: YamlNode, top: Keys, layout: Layout, diagnostics: Diagnostics): void {
  const fields = (top.get('seq')?.items('seq') ?? []).map((item) => keysOf(item, 'field'));
  const table = new MessageTableCheck(layout.messages, diagnostics);
  const cases = fields.map((field) => casesOf(field.get('type'))).find((found) => found !== undefined);
  if (cases === undefined) diagnostics.report(root.at, 'schema: no field switches on header.message_type');
  else {
    const entries = cases.entries('cases').map(({ key, keyAt, value }) => ({
      message: key,
      at: keyAt,
      struct: String(value.scalar()),
      structAt: value.at,
    }));
    table.compare('cases', cases.at, entries);
  }
  const length = (top.get('instances')?.entries('instances') ?? []).find(({ key }) => key === LENGTH_INSTANCE);
  const value = length && keysOf(length.value, LENGTH_INSTANCE).get('value');
  if (value === undefined) diagnostics.report(root.at, `schema: instance ${LENGTH_INSTANCE} is missing`);
  else table.compareLengths(value);
  table.compareChecks(root, fields);
  table.compareBodyLengths(root, fields);
}

class MessageTableCheck {
  constructor(
    private readonly messages: readonly MessageLayout[],
    private readonly diagnostics: Diagnostics,
  ) {}

  /** Every message with metadata once, with its structure, and no other message. */
  compare(what: string, whatAt: Position, entries: readonly Entry[]): void {
    const seen = new Set<string>();
    for (const { message, at, struct, structAt } of entries) {
      const id = message.replace(TYPE_PREFIX, '');
      const row = this.messages.find((candidate) => TYPE_PREFIX + candidate.id === message);
      if (seen.has(id)) this.diagnostics.report(at, `${what}: '${id}' stands twice`);
      seen.add(id);
      if (row?.metadata === undefined) {
        this.diagnostics.report(at, `${what}: the message table has no metadata for '${id}'`);
      } else if (row.metadata !== struct) {
        this.diagnostics.report(
          structAt,
          `${what}: '${id}' has '${row.metadata}' in the message table, not '${struct}'`,
        );
      }
    }
    for (const { id, metadata } of this.messages) {
      if (metadata !== undefined && !seen.has(id)) this.diagnostics.report(whatAt, `${what}: '${id}' is missing`);
    }
  }

  /** The chain `type == a ? sizeof<x> : type == b ? sizeof<y> : 0`. */
  compareLengths(value: YamlNode): void {
    const branches = String(value.scalar()).split(/\s*:(?!:)(?<!::)\s*/);
    const entries = branches.slice(0, -1).flatMap((branch) => {
      const found = /^header\.message_type == (\S+) \? sizeof<(\w+)>$/.exec(branch.trim().replace(/\s+/g, ' '));
      const [, message, struct] = found ?? [];
      if (message !== undefined && struct !== undefined) return { message, at: value.at, struct, structAt: value.at };
      this.diagnostics.report(
        value.at,
        `${LENGTH_INSTANCE}: '${branch}' is not 'header.message_type == x ? sizeof<y>'`,
      );
      return [];
    });
    if (branches.at(-1)?.trim() !== '0') {
      this.diagnostics.report(value.at, `${LENGTH_INSTANCE}: the last branch must be 0, for messages without metadata`);
    }
    this.compare(LENGTH_INSTANCE, value.at, entries);
  }

  /** The checks of messages without metadata or body name exactly the messages that the table says so of. */
  compareChecks(root: YamlNode, fields: readonly Keys[]): void {
    const rules = new Set(this.messages.flatMap((row) => [row.headerOnlyRule ?? [], row.noMetadataRule ?? []].flat()));
    for (const rule of rules) {
      const check = fields.find((field) => ruleOf(field) === rule);
      const rows = this.messages.filter((row) => row.headerOnlyRule === rule || row.noMetadataRule === rule);
      this.compareCheck(root, check, rule, rows);
    }
    const rows = this.messages.filter((row) => row.body === 'none' && row.headerOnlyRule === undefined);
    const check = fields.find((field) => field.get('id')?.scalar() === BODY_CHECK);
    if (rows.length > 0 || check !== undefined) this.compareCheck(root, check, BODY_CHECK, rows);
  }

  /** Each message whose metadata announces its body has one check for that, which reads these fields. */
  compareBodyLengths(root: YamlNode, fields: readonly Keys[]): void {
    const checks = fields
      .filter((field) => vendorOf(field, 'kind') === LENGTH_KIND)
      .map((field) => ({
        named: typesIn(field.get('if')),
        text: conditionOf(field),
        at: field.get('id')?.at ?? root.at,
      }));
    for (const { named, at } of checks) {
      const extra = named.find((id) => this.messages.find((row) => row.id === id)?.bodyLengths === undefined);
      if (extra !== undefined)
        this.diagnostics.report(at, `${LENGTH_KIND}: the message table has no body-lengths for '${extra}'`);
    }
    for (const { id, metadata, bodyLengths } of this.messages) {
      if (bodyLengths === undefined) continue;
      const found = checks.filter(({ named }) => named.includes(id));
      if (found.length !== 1) {
        const wanted = `one with kind ${LENGTH_KIND} compares body_len with its body-lengths`;
        this.diagnostics.report(root.at, `schema: ${found.length} checks for '${id}': ${wanted}`);
      }
      for (const { text, at } of found) {
        const missing = bodyLengths.find(({ field }) => !text.includes(`<${metadata}>.${field.split('.')[1]}`));
        if (missing !== undefined)
          this.diagnostics.report(at, `${LENGTH_KIND}: '${id}' is not compared with ${missing.field}`);
      }
    }
  }

  private compareCheck(root: YamlNode, check: Keys | undefined, what: string, rows: readonly MessageLayout[]): void {
    const condition = check?.get('if');
    if (condition === undefined) {
      this.diagnostics.report(root.at, `schema: no check with 'if' for ${what}`);
      return;
    }
    const named = typesIn(condition);
    const report = (id: string, problem: string) =>
      this.diagnostics.report(condition.at, `${what}: '${id}' ${problem}`);
    for (const id of named) {
      if (!rows.some((row) => row.id === id)) report(id, 'does not belong there by the message table');
    }
    for (const { id } of rows) if (!named.includes(id)) report(id, 'is missing');
  }
}

interface Entry {
  /** With the prefix of the enum. */
  readonly message: string;
  readonly at: Position;
  readonly struct: string;
  readonly structAt: Position;
}

function keysOf(node: YamlNode, what: string): Keys {
  return new Map(node.entries(what).map(({ key, value }) => [key, value]));
}

function casesOf(type: YamlNode | undefined): YamlNode | undefined {
  if (type === undefined || !type.isMap()) return undefined;
  const keys = keysOf(type, 'type');
  return keys.get('switch-on')?.scalar() === 'header.message_type' ? keys.get('cases') : undefined;
}

function ruleOf(field: Keys): unknown {
  return vendorOf(field, 'rule');
}

function vendorOf(field: Keys, key: string): unknown {
  const vendor = field.get('-nnrp');
  return vendor?.isMap() ? keysOf(vendor, '-nnrp').get(key)?.scalar() : undefined;
}

/** The messages that a condition names. */
function typesIn(condition: YamlNode | undefined): string[] {
  const pattern = new RegExp(`${TYPE_PREFIX}(\\w+)`, 'g');
  return [...String(condition?.scalar()).matchAll(pattern)].map(([, id]) => id ?? '');
}

function conditionOf(field: Keys): string {
  const valid = field.get('valid');
  return valid?.isMap() ? String(keysOf(valid, 'valid').get('expr')?.scalar()) : '';
}
