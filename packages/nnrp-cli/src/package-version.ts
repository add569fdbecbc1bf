import { readFileSync } from 'node:fs';

const OWN_NAME = 'nnrp-cli';
/** Of a program that was bundled: the file is not beside it, another one may be, and a bundle of CommonJS has no place. */
const UNKNOWN = 'unknown: the package was bundled';

/** The version in this package's package.json. */
export function packageVersion(): string {
  try {
    const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
    const { name, version } = JSON.parse(text) as { readonly name?: unknown; readonly version?: unknown };
    return name === OWN_NAME ? String(version) : UNKNOWN;
  } catch {
    return UNKNOWN;
  }
}
