import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The schemas of a revision: path below its folder (such as session_open.ksy, extensions/NAME.ksy) to text. */
export function schemaFiles(folder: string): Map<string, string> {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((path) => path.replaceAll('\\', '/'));
  const schemas = paths.filter((path) => path.endsWith('.ksy')).sort();
  return new Map(schemas.map((path) => [path, readFileSync(join(folder, path), 'utf8')]));
}
