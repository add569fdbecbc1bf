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
const FOLDER = new URL('../../dist/page/', import.meta.url);
const read = new Map<string, string>();

/** A file of the inspector page; undefined for other paths. */
export interface PageFile {
  readonly text: string;
  readonly contentType: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Read when it is first asked for. @throws what reading it throws */
export function pageFile(path: string): PageFile | undefined {
  const file = Object.hasOwn(FILES, path) ? FILES[path] : undefined;
  if (file === undefined) return undefined;
  const [name, contentType] = file;
  let text = read.get(name);
  if (text === undefined) {
    text = readFileSync(new URL(name, FOLDER), 'utf8');
    read.set(name, text);
  }
  const headers = { 'content-security-policy': POLICY, 'referrer-policy': 'no-referrer', 'x-frame-options': 'DENY' };
  return { text, contentType, headers };
}
