import type { Diagnostics, Position } from '../diagnostics.js';
import type { Layout } from '../layout.js';
import { isBlank, YamlNode } from '../yaml-node.js';
import { checkMessageTable } from './check-message-table.js';
import { checkMeta, META_KEYS } from './check-meta.js';

const ENUM_FILE = 'nnrp_enums';
const VENDOR_KEYS = ['kind', 'rule'];
/** Kinds of fault of a whole packet; those of fields are in the structures. */
const PACKET_KINDS: readonly string[] = [
  'declared_length_mismatch',
  'message_length_overflow',
  'metadata_length_mismatch',
  'packet_length_mismatch',
  'unexpected_body',
];

/**
 * Checks the packet schema, which composes structures with Kaitai features outside the fixed-structure subset: what it
 * states about itself, its documentation, the traps of `valid`, and that it says of messages what the message table
 * says. Its other keys are left to the Kaitai compiler.
 */
export function checkComposition(path: string, text: string, layout: Layout, diagnostics: Diagnostics): void {
  new CompositionCheck(path, text, layout, diagnostics).run();
}

class CompositionCheck {
  private readonly root: YamlNode;
  private readonly structs: ReadonlySet<string>;

  constructor(
    private readonly path: string,
    private readonly text: string,
    private readonly layout: Layout,
    private readonly diagnostics: Diagnostics,
  ) {
    this.root = YamlNode.parse(path, text, diagnostics);
    this.structs = new Set(layout.structs.map(({ id }) => id));
  }

  run(): void {
    const top = this.keys(this.root, 'schema', []);
    const metaNode = top.get('meta');
    if (metaNode === undefined) this.report(this.root.at, 'schema: meta is missing');
    else {
      const keys = META_KEYS.filter((key) => key !== '-nnrp');
      const imports = checkMeta(this.path, this.root, metaNode.map('meta', keys), true, this.diagnostics);
      this.checkImports(metaNode, imports);
    }
    this.checkType(top, this.root, 'schema');
    checkMessageTable(this.root, top, this.layout, this.diagnostics);
  }

  /** Every structure that the text names is imported, and nothing else. */
  private checkImports(metaNode: YamlNode, imports: readonly { readonly id: string; readonly node: YamlNode }[]): void {
    const body = this.text.replace(/^ *#.*$/gm, '').replace(/^meta:\n(?: .*\n|\n)*/m, '');
    const named = new Set(body.match(/\b[a-z][a-z0-9_]*\b/g) ?? []);
    const isImported = (id: string) => imports.some((entry) => entry.id === id);
    const used = [...this.structs, ENUM_FILE].filter((id) => this.isUsed(id, body));
    for (const id of used) if (!isImported(id)) this.report(metaNode.at, `meta/imports: '${id}' is missing`);
    for (const { id, node } of imports) {
      if (id !== ENUM_FILE && !this.structs.has(id)) this.report(node.at, `meta/imports: no schema '${id}'`);
      else if (!named.has(id)) this.report(node.at, `meta/imports: '${id}' is not used`);
    }
  }

  /** As a type, behind a case, in `sizeof<>` or `.as<>`, or as the prefix of an enum. */
  private isUsed(id: string, body: string): boolean {
    return new RegExp(`: ${id}$|<${id}>|\\b${id}::`, 'm').test(body);
  }

  private checkType(entries: ReadonlyMap<string, YamlNode>, node: YamlNode, what: string): void {
    this.requireDocs(entries, node.at, what);
    const ids = new Map<string, string>();
    const claim = (id: string, at: Position, kind: string) => {
      if (ids.has(id)) this.report(at, `${kind} ${id}: the id is used twice`);
      ids.set(id, kind);
    };
    for (const item of entries.get('seq')?.items(`${what}/seq`) ?? []) {
      const field = this.keys(item, 'field', VENDOR_KEYS);
      const id = String(field.get('id')?.scalar());
      claim(id, item.at, 'field');
      this.requireDocs(field, item.at, `field ${id}`);
      this.checkValid(field.get('valid'), `field ${id}`);
    }
    for (const { key, keyAt, value } of entries.get('instances')?.entries(`${what}/instances`) ?? []) {
      const instance = this.keys(value, `instance ${key}`, []);
      claim(key, keyAt, 'instance');
      this.requireDocs(instance, keyAt, `instance ${key}`);
      if (instance.has('valid')) this.report(keyAt, `instance ${key}: Kaitai ignores valid on an instance`);
    }
    for (const { key, value } of entries.get('types')?.entries(`${what}/types`) ?? []) {
      this.checkType(this.keys(value, `type ${key}`, []), value, `type ${key}`);
    }
  }

  /** The keys of a mapping; vendor keys other than `allowed` under -nnrp are reported. */
  private keys(node: YamlNode, what: string, allowed: readonly string[]): Map<string, YamlNode> {
    const entries = node.entries(what);
    const found = new Map(entries.map(({ key, value }) => [key, value]));
    for (const { key, keyAt } of entries) {
      if (key.startsWith('-') && (key !== '-nnrp' || allowed.length === 0)) {
        this.report(keyAt, `${what}: unsupported key '${key}'`);
      }
    }
    const vendor = allowed.length === 0 ? undefined : found.get('-nnrp')?.map(`${what}/-nnrp`, allowed);
    const kind = vendor?.get('kind');
    if (kind !== undefined && !PACKET_KINDS.includes(String(kind.scalar()))) {
      this.report(kind.at, `${what}: kind must be one of ${PACKET_KINDS.join(', ')}, got '${kind.scalar()}'`);
    }
    return found;
  }

  private checkValid(node: YamlNode | undefined, what: string): void {
    if (node === undefined) return;
    if (!node.isMap()) {
      if (Number(node.scalar()) >= 0x80000000) {
        this.report(node.at, `${what}: a scalar valid of 0x80000000 or more is refused by the Kaitai compiler`);
      }
      return;
    }
    const keys = [...node.map(`${what}/valid`, ['eq', 'min', 'max', 'any-of', 'expr', 'in-enum']).keys()];
    const isRange = keys.every((key) => key === 'min' || key === 'max');
    if (keys.length === 0 || (keys.length > 1 && !isRange)) {
      this.report(node.at, `${what}: valid takes one kind of check, got ${keys.join(', ') || 'none'}`);
    }
  }

  private requireDocs(entries: ReadonlyMap<string, YamlNode>, at: Position, what: string): void {
    for (const key of ['doc', 'doc-ref']) {
      const node = entries.get(key);
      if (node === undefined) this.report(at, `${what}: ${key} is missing`);
      else if (isBlank(node)) this.report(node.at, `${what}: ${key} is empty`);
    }
  }

  private report(at: Position, message: string): void {
    this.diagnostics.report(at, message);
  }
}
