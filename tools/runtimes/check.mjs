// Runs the packed client where Node.js is not. See README.md.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { installPacked } from '../packed-packages.mjs';
import { findBinaries } from './binaries.mjs';
import { bundle, loadedAtFirst } from './bundles.mjs';
import { callMain } from './context.mjs';
import { runProgram } from './processes.mjs';
import { EXPECTED, PARTIALS } from './programs/session.js';
import { withWorkerd } from './workerd.mjs';

/** Bytes of the client and its transport, minified by esbuild and compressed. The aim is 30000. */
const MAX_BYTES = { 'loaded at first': 103_000, 'in one file': 120_500 };
/** The same of what a page has beside them that makes calls and chats. */
const MAX_BYTES_OF_CALLS = 20_000;
/** The first one is before there was WeakRef, MessageChannel and all of Node.js that is there by now. */
const COMPATIBILITY_DATES = ['2024-01-01', '2025-11-01', '2026-11-01'];
const CLIENTS_AT_ONCE = 100;
const CLIENTS_THAT_LEAVE = 100;
const MAX_MS = 90_000;

const work = mkdtempSync(join(tmpdir(), 'nnrp-runtimes-'));
const programs = join(work, 'programs');
const results = [];
const servers = [];

try {
  installPacked(work, ['nnrp-core', 'nnrp-runtime', 'nnrp-transport-websocket', 'nnrp-transport-quic']);
  cpSync(new URL('programs', import.meta.url), programs, { recursive: true });
  const urls = await startServer();
  const { WebSocket } = createRequire(join(work, 'package.json'))('ws');

  for (const [bundler, place, program] of [
    ['esbuild', 'browser', 'by-name'],
    ['esbuild', 'browser', 'by-subpath'],
    ['esbuild', 'worker', 'by-name'],
    ['esbuild', 'worker', 'by-subpath'],
    ['esbuild', 'browser', 'over-preview4'],
    ['esbuild', 'react-native', 'react-native'],
    ['Vite', 'browser', 'by-name'],
    ['Vite', 'browser', 'by-subpath'],
    ['Vite', 'browser', 'over-preview4'],
    ['webpack', 'browser', 'by-name'],
    ['webpack', 'browser', 'by-subpath'],
    ['webpack', 'browser', 'over-preview4'],
    ['webpack', 'worker', 'by-name'],
    ['webpack', 'worker', 'by-subpath'],
  ]) {
    await check(`${bundler}, ${place}, ${program}: bundles without a shim and runs`, async () => {
      const code = await bundle(bundler, place, leavingMain(program));
      allExpected(await callMain(place, code, WebSocket, urls.webSocket));
    });
  }
  const smallest = join(programs, 'smallest.js');
  for (const [bundler, which, codes] of [
    ['esbuild', 'loaded at first', () => loadedAtFirst(smallest)],
    ...['esbuild', 'Vite', 'webpack'].map((bundler) => [
      bundler,
      'in one file',
      async () => [await bundle(bundler, 'browser', smallest)],
    ]),
  ]) {
    await check(`${bundler}: size of the client and its transport, ${which}`, async () => {
      const files = await codes();
      const bytes = sum(files.map((code) => gzipSync(code, { level: 9 }).length));
      const most = MAX_BYTES[which];
      if (bytes > most) throw new Error(`${bytes} bytes, and ${most} are allowed`);
      return `${sum(files.map((code) => code.length))} bytes minified, ${bytes} with gzip`;
    });
  }

  await check('esbuild: size of calls, without the client', async () => {
    const bytes = gzipSync(await bundle('esbuild', 'browser', join(programs, 'calls.js')), { level: 9 }).length;
    if (bytes > MAX_BYTES_OF_CALLS) throw new Error(`${bytes} bytes, and ${MAX_BYTES_OF_CALLS} are allowed`);
    return `${bytes} bytes with gzip`;
  });

  const binaries = join(work, 'binaries');
  mkdirSync(binaries);
  const { deno, bun, workerd } = findBinaries(binaries);
  for (const [name, found, ...options] of [
    ['Deno', deno, 'run', '--allow-all'],
    ['Bun', bun],
  ]) {
    for (const [program, url] of [
      ['by-name.js', urls.webSocket],
      ['by-subpath.js', urls.webSocket],
      ['over-preview4.js', urls.webSocket],
      ['over-tcp.js', urls.tcp],
    ]) {
      await checkWith(found, `${name}, ${program}`, async () => {
        allExpected(await runProgram([found.program, ...options], programs, program, url));
      });
    }
    await checkWith(found, `${name}, server.js: by bindWebSocket and listen, for clients of Node`, async () => {
      const own = await startServer(found.program, ...options);
      for (const [program, url] of [
        ['by-name.js', own.webSocket],
        ['over-preview4.js', own.webSocket],
        ['over-tcp.js', own.tcp],
      ])
        allExpected(await runProgram([process.execPath], programs, program, url));
    });
    await checkWith(found, `${name}, over-tls.js: both ends, without WebSocket and with it`, async () => {
      const got = String(await runProgram([found.program, ...options], programs, 'over-tls.js', ''));
      const lengths = '0,10,100000,3000000';
      if (got !== `${lengths},${lengths}`) throw new Error(`expected answers of ${lengths} bytes twice, got ${got}`);
    });
    await checkWith(
      found,
      `${name}, half-closed.js: a client that has ended its direction is answered over TLS`,
      async () => {
        const got = await runProgram([found.program, ...options], programs, 'half-closed.js', '');
        if (got !== 'late answer') throw new Error(`expected "late answer", got ${got}`);
      },
    );
    await checkWith(found, `${name}, over-quic.js: both ends`, async () => {
      const got = String(await runProgram([found.program, ...options], programs, 'over-quic.js', ''));
      if (got !== `echo hello,${PARTIALS}`) throw new Error(`expected an answer and ${PARTIALS} partials, got ${got}`);
    });
  }
  for (const date of COMPATIBILITY_DATES) {
    await checkWith(workerd, `workerd of ${date}: a Worker streams what it is streamed`, async () => {
      const code = await bundle('esbuild', 'workerd', join(programs, 'worker.js'));
      await withWorkerd(workerd.program, work, code, date, (address) => useWorker(address, urls.webSocket));
    });
  }
} finally {
  for (const server of servers) server.stdin.end();
  rmSync(work, { recursive: true, force: true });
}
for (const { name, error, told } of results)
  console.log(error === undefined ? `ok    ${name}${told}` : `FAIL  ${name}: ${error.message}`);
// What a failed one has left open would keep this process.
process.exit(results.some(({ error }) => error !== undefined) ? 1 : 0);

async function startServer(runtime = process.execPath, ...options) {
  const server = spawn(runtime, [...options, 'server.js'], { cwd: programs, stdio: ['pipe', 'pipe', 'inherit'] });
  servers.push(server);
  const gone = once(server, 'close').then(() => {
    throw new Error('the server has ended before it listened');
  });
  const [line] = await Promise.race([once(server.stdout, 'data'), gone]);
  return JSON.parse(String(line));
}

/** A client that waits for ever has failed, too. */
async function within(work) {
  const timeout = new AbortController();
  const late = setTimeout(MAX_MS, undefined, { signal: timeout.signal }).then(() => {
    throw new Error(`nothing has come of it in ${MAX_MS} ms`);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    late.catch(() => {});
    timeout.abort();
  }
}

function sum(numbers) {
  return numbers.reduce((all, number) => all + number, 0);
}

/** An entry that leaves what the program exports to the page. */
function leavingMain(program) {
  const page = join(programs, `page-${program}.js`);
  writeFileSync(page, `import { main } from './${program}.js';\nglobalThis.main = main;\n`);
  return page;
}

/** Many requests at once, of which some are left in between, and a whole session. */
async function useWorker(address, url) {
  const streamed = `${address}?to=${encodeURIComponent(url)}`;
  const leave = async () => {
    const leaving = new AbortController();
    const left = await fetch(streamed, { signal: leaving.signal });
    await left.body.getReader().read();
    leaving.abort();
  };
  const leavers = Array.from({ length: CLIENTS_THAT_LEAVE }, leave);
  const texts = await Promise.all(Array.from({ length: CLIENTS_AT_ONCE }, async () => (await fetch(streamed)).text()));
  await Promise.all(leavers);
  const wanted = [...Array(PARTIALS).keys(), 'end'].map((line) => `${line}\n`).join('');
  if (texts.some((text) => text !== wanted))
    throw new Error(`streamed ${texts.map(({ length }) => length)} characters`);
  allExpected(await (await fetch(`${address}?use=${encodeURIComponent(url)}`)).json());
}

function allExpected(got) {
  const other = [...got].find((text) => text !== EXPECTED);
  if (other !== undefined || got.length === 0) throw new Error(`expected '${EXPECTED}', got '${other}'`);
}

async function checkWith(found, name, body) {
  if (found.missing === undefined) await check(`${name} (${found.version})`, body);
  else if (process.env.NNRP_ALL_RUNTIMES === '1') results.push({ name, error: new Error(found.missing) });
  else console.log(`skip  ${name}: ${found.missing}`);
}

async function check(name, body) {
  const startedMs = performance.now();
  try {
    const told = await within(body());
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
    results.push({ name, told: `${told === undefined ? '' : `: ${told}`} (${seconds} s)` });
  } catch (error) {
    results.push({ name, error });
  }
}
