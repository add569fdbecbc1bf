import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';

const here = dirname(fileURLToPath(import.meta.url));
const running: ChildProcess[] = [];

afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
});

function start(file: string, ...args: string[]) {
  const child = spawn(process.execPath, [join(here, file), ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  running.push(child);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const exited = new Promise<number | null>((resolve) => child.on('exit', resolve));
  return { child, lines, exited };
}

test('the README shows the examples as they are', () => {
  const readme = readFileSync(join(here, '..', 'README.md'), 'utf8');
  const blocks = [...readme.matchAll(/```js\n(.*?)```/gs)].map((match) => match[1]);
  expect(blocks).toEqual(['server.js', 'client.js'].map((file) => readFileSync(join(here, file), 'utf8')));
});

test('the README client talks to the README server', async () => {
  const server = start('server.js', '127.0.0.1:0');
  const address = /listening on (.+)/.exec((await server.lines.next()).value ?? '')?.[1] ?? '';
  const client = start('client.js', address);
  const printed: string[] = [];
  for await (const line of client.lines) printed.push(line);
  expect(await client.exited).toBe(0);
  expect(printed).toEqual(['one', 'connection,', 'many', 'sessions', 'status 200', '200 200']);
  server.child.kill('SIGINT');
  expect(await server.exited).toBe(0);
});
