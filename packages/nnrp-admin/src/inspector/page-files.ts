import { readFileSync } from 'node:fs';

/** Nothing from elsewhere, nothing inline, and no page around it. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');
const FILES: Readonly<Record<string, readonly [name: string, contentType: string]>> = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/page.js': ['page.js', 'text/javascript; charset=utf-8'],
  '/page.css': ['page.css', 'text/css; charset=utf-8'],
};
const FOLDER = '../../dist/page/';
/** Of a program that was bundled: a bundler takes no files along, and one that makes CommonJS leaves not even the place. */
const MISSING =
  'the inspector page is in files of nnrp-admin that are not beside this program; a bundler has to leave nnrp-admin out of the bundle, as external\n';
const read = new Map<string, string>();

/** A file of the inspector page; undefined for other paths. */
export interface PageFile {
  readonly status: 200 | 500;
  readonly text: string;
  readonly contentType: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Read when it is first asked for. */
export function pageFile(path: string): PageFile | undefined {
  const file = Object.hasOwn(FILES, path) ? FILES[path] : undefined;
  if (file === undefined) return undefined;
  const [name, contentType] = file;
  const text = read.get(name) ?? textOf(name);
  if (text === undefined) return { status: 500, text: MISSING, contentType: 'text/plain; charset=utf-8', headers: {} };
  read.set(name, text);
  const headers = { 'content-security-policy': POLICY, 'referrer-policy': 'no-referrer', 'x-frame-options': 'DENY' };
  return { status: 200, text, contentType, headers };
}

function textOf(name: string): string | undefined {
  try {
    return readFileSync(new URL(`${FOLDER}${name}`, import.meta.url), 'utf8');
  } catch {
    return undefined;
  }
}
