import type { Diagnostics } from './diagnostics.js';
import { YamlNode } from './yaml-node.js';

/**
 * Checks the packet schema, which composes structures with Kaitai features outside the fixed-structure subset: its
 * keys are left to the Kaitai compiler, its documentation is not.
 */
export function checkComposition(path: string, text: string, diagnostics: Diagnostics): void {
  checkType(YamlNode.parse(path, text, diagnostics), 'schema', diagnostics);
}

function checkType(node: YamlNode, what: string, diagnostics: Diagnostics): void {
  const entries = new Map(node.entries(what).map(({ key, value }) => [key, value]));
  requireDocs(entries, node, what, diagnostics);
  for (const item of entries.get('seq')?.items(`${what}/seq`) ?? []) {
    const field = new Map(item.entries('field').map(({ key, value }) => [key, value]));
    requireDocs(field, item, `field ${field.get('id')?.scalar()}`, diagnostics);
  }
  for (const { key, value } of entries.get('types')?.entries(`${what}/types`) ?? []) {
    checkType(value, `type ${key}`, diagnostics);
  }
}

function requireDocs(
  entries: ReadonlyMap<string, YamlNode>,
  node: YamlNode,
  what: string,
  diagnostics: Diagnostics,
): void {
  for (const key of ['doc', 'doc-ref']) {
    if (!entries.has(key)) diagnostics.report(node.at, `${what}: ${key} is missing`);
  }
}
