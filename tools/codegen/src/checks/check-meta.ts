import type { Diagnostics } from '../diagnostics.js';
import type { YamlNode } from '../yaml-node.js';

/** Keys of `meta` that a schema may have. */
export const META_KEYS: readonly string[] = ['id', 'title', 'license', 'ks-version', 'endian', 'imports', '-nnrp'];

const KS_VERSION = '0.11';

/**
 * Checks what every schema of a revision states about itself: an id that is its file name, title, license, the version
 * of Kaitai and, where it has fields, their byte order.
 *
 * @param path - of the file; the id must be its name
 * @param root - the whole schema, where missing keys are reported
 * @returns the ids of the imported schemas
 */
export function checkMeta(
  path: string,
  root: YamlNode,
  meta: ReadonlyMap<string, YamlNode>,
  hasFields: boolean,
  diagnostics: Diagnostics,
): readonly { readonly id: string; readonly node: YamlNode }[] {
  const id = meta.get('id');
  const expected = path.replace(/^.*\//, '').replace(/\.ksy$/, '');
  if (id === undefined) diagnostics.report(root.at, 'meta: id is missing');
  else if (id.scalar() !== expected) {
    diagnostics.report(id.at, `meta: id '${id.scalar()}' must equal the file name '${expected}'`);
  }
  for (const key of ['title', 'license']) {
    const node = meta.get(key);
    if (node === undefined) diagnostics.report(root.at, `meta: ${key} is missing`);
    else if (node.string(`meta/${key}`).trim() === '') diagnostics.report(node.at, `meta: ${key} is empty`);
  }
  const version = meta.get('ks-version');
  if (version === undefined) diagnostics.report(root.at, `meta: ks-version: '${KS_VERSION}' is missing`);
  else if (typeof version.scalar() !== 'string') {
    diagnostics.report(
      version.at,
      `meta: ks-version must be quoted ('${KS_VERSION}'), an unquoted one is read as a number`,
    );
  } else if (version.scalar() !== KS_VERSION) {
    diagnostics.report(version.at, `meta: ks-version must be '${KS_VERSION}', got '${version.scalar()}'`);
  }
  if (hasFields && meta.get('endian')?.scalar() !== 'le') diagnostics.report(root.at, 'meta: endian: le is missing');
  return (meta.get('imports')?.items('meta/imports') ?? []).map((node) => ({ id: node.string('meta/imports'), node }));
}
