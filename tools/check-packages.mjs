// Packs every package of a clone that is not built, installs the tarballs into an empty project and uses them there as a
// stranger would: from ESM JavaScript, from the newest and the oldest TypeScript under both module resolutions, from a
// browser bundle, and as a command.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { installPacked, run } from './packed-packages.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const packages = readdirSync(join(root, 'packages'));
const manifests = packages.map((name) =>
  JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8')),
);
const work = mkdtempSync(join(tmpdir(), 'nnrp-packages-'));
const checks = [];

const USE = `
import { NnrpClient, NnrpServer, resultMetadata } from 'nnrp-runtime';
import { MemoryListener } from 'nnrp-runtime/transport';
import { transportCompliance } from 'nnrp-runtime/testing';
import { isNnrpError } from 'nnrp-core';
import { call, chat, createRouter } from 'nnrp-runtime/calls';
import { createOpenAiServer, openAiHandler } from 'nnrp-openai';
import * as preview3 from 'nnrp-core/preview3';
import { decodeSessionOpen } from 'nnrp-core/preview3';
import { STRUCTS } from 'nnrp-core/preview3/struct-table';
import { bindWebSocket, SUBPROTOCOL } from 'nnrp-transport-websocket';
import { webSocketConnector } from 'nnrp-transport-websocket/browser';
import { QuicProvider, QuicServerEndpointConfig, TRANSPORT_KIND } from 'nnrp-transport-quic';

if (decodeSessionOpen !== preview3.decodeSessionOpen || STRUCTS['HEADER']?.bytes !== 40 || TRANSPORT_KIND !== 'quic' || SUBPROTOCOL !== 'nnrp.1') {
  throw new Error('the subpaths disagree');
}
if (typeof transportCompliance !== 'function' || isNnrpError(new Error('x'))) throw new Error('unexpected');
const listener = new MemoryListener();
const server = NnrpServer.fromListener(listener);
const serving = (async () => {
  const session = await server.accept();
  for await (const submit of session) {
    await session.sendResult(submit.frameId, resultMetadata(), submit.body);
  }
  await session.close();
})();
const client = NnrpClient.fromTransport(await listener.connect());
const session = await client.openSession();
const operation = await session.submit('hello');
console.log('echo: ' + new TextDecoder().decode((await operation.result()).body));
await client.close();
await serving;
await server.close();

const { config, certificate } = QuicServerEndpointConfig.selfSignedLocalhost('127.0.0.1:0');
const quicServer = await QuicProvider.bind(config);
void quicServer.serve({ submit: ({ body }) => body });
const quicClient = await QuicProvider.connect(quicServer.localAddress, { roots: certificate.certificateDer });
const asked = await (await quicClient.openSession()).submit('hello');
console.log('over QUIC: ' + new TextDecoder().decode((await asked.result()).body));
await quicClient.close();
await quicServer.close();

const webSocketServer = await bindWebSocket('127.0.0.1:0');
void webSocketServer.serve({ submit: ({ body }) => body });
const webSocketClient = await NnrpClient.connect(webSocketServer.localAddress);
const told = await (await webSocketClient.openSession()).submit('hello');
console.log('over WebSocket: ' + new TextDecoder().decode((await told.result()).body));
await webSocketClient.close();
await webSocketServer.close();

const handler = openAiHandler({ baseUrl: 'http://127.0.0.1:1/v1' }, createRouter().route('echo', ({ body }) => body));
const callServer = await NnrpServer.bindTcp('127.0.0.1:0');
void callServer.serve(handler);
const caller = await NnrpClient.connectTcp(callServer.localAddress);
const calling = await caller.openSession();
console.log('by name: ' + (await call(calling, 'echo', 'hello')).body);
const gateway = createOpenAiServer(() => NnrpClient.connectTcp(callServer.localAddress));
const unreachable = await chat(calling, { model: 'm', messages: [{ role: 'user' }] }).result().catch((error) => error);
if (!isNnrpError(unreachable) || unreachable.code !== 'upstream_unreachable') throw unreachable;
await gateway.close();
await caller.close();
await callServer.close();
await handler.destroy();
if (typeof webSocketConnector !== 'function') throw new Error('unexpected');
export {};
`;

/** What has come may be given to what takes no shared memory, by the types of browsers too. */
const USE_WEB = `
import type { NnrpClientSession, OperationContext } from 'nnrp-runtime';
import type { SelfSignedCertificate } from 'nnrp-transport-quic';

export async function used(session: NnrpClientSession, operation: OperationContext, made: SelfSignedCertificate) {
  const { body } = await session.request('hello');
  const digest = await crypto.subtle.digest('SHA-256', body);
  const request = fetch('https://inference.example', { method: 'POST', body: operation.body });
  const parts = [body.subarray(1), operation.body, operation.objects[0]?.bytes ?? body, made.certificateDer];
  return [digest, await request, new Blob(parts), new Response(body).body] as const;
}
`;

const USE_CORE = `
import { PacketSplitter, buildPacket, type WireFault } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
const status: preview3.SessionStatus = preview3.SessionStatus.Opened;
const fault: WireFault | undefined = new PacketSplitter({ maxPacketBytes: 1024 }).fault;
export const parts: [Uint8Array, Uint8Array] = buildPacket({ messageType: preview3.MessageType.Ping });
export const shown: string = status + ' ' + (fault?.kind ?? '');
`;

const USE_RULE = `
import { describeFault } from 'nnrp-core';
console.log(describeFault({ kind: 'invalid_combination', rule: 'FSUB-1' }));
`;

/** The folder in which the oldest TypeScript is installed beside the one that this repository uses. */
const OLDEST = 'typescript-oldest';
const oldest = manifests[0].engines.typescript.replace('>=', '');
/** Minified bytes of what the first sample of the core's README uses; the rules of all messages are the most of it. */
const SAMPLE_LIMIT = 37_000;

try {
  check('every package.json says where it comes from and what it needs', () => {
    for (const { name, repository, homepage, bugs, engines, license, scripts, files, exports } of manifests) {
      const isComplete =
        repository?.directory === `packages/${name}` && homepage && bugs && license && files && exports;
      if (!isComplete || scripts.prepack === undefined) throw new Error(`${name} leaves something out`);
      expect(`${engines.node} ${engines.typescript}`, `>=20.19 >=${oldest}`);
    }
  });
  for (const name of packages) rmSync(join(root, 'packages', name, 'dist'), { recursive: true, force: true });
  const types = ['typescript', '@types/node'].map((name) => `${name}@${devDependencies[name]}`);
  installPacked(work, packages, [...types, `${OLDEST}@npm:typescript@~${oldest}.0`]);
  check('installs into an empty project', () => {});

  check('carries the page that errors of rules name', () => {
    writeFileSync(join(work, 'rule.mjs'), USE_RULE);
    const [page, anchor] = run(process.execPath, ['rule.mjs'], work).trim().split('see ')[1].split('#');
    const text = readFileSync(join(work, 'node_modules', page), 'utf8');
    if (!text.includes(`<a id="${anchor}">`)) throw new Error(`${page} does not explain ${anchor}`);
  });

  check('runs from ESM JavaScript', () => {
    writeFileSync(join(work, 'use.mjs'), USE);
    expect(
      run(process.execPath, ['use.mjs'], work).trim(),
      'echo: hello\nover QUIC: hello\nover WebSocket: hello\nby name: hello',
    );
  });
  for (const [compiler, module, resolution] of [
    ['typescript', 'nodenext', 'nodenext'],
    ['typescript', 'esnext', 'bundler'],
    [OLDEST, 'nodenext', 'nodenext'],
    [OLDEST, 'esnext', 'bundler'],
  ]) {
    const { version } = JSON.parse(readFileSync(join(work, 'node_modules', compiler, 'package.json'), 'utf8'));
    check(`compiles from TypeScript ${version}, moduleResolution ${resolution}`, () => {
      writeFileSync(join(work, 'use.ts'), USE);
      writeFileSync(join(work, 'use-core.ts'), USE_CORE);
      const shared = {
        strict: true,
        noEmit: true,
        target: 'es2022',
        lib: ['es2022'],
        module,
        moduleResolution: resolution,
      };
      // The types stand without skipLibCheck, and the core's without Node's.
      compile(compiler, { ...shared, types: [], skipLibCheck: false }, 'use-core.ts');
      compile(compiler, { ...shared, types: ['node'], skipLibCheck: false }, 'use.ts');
      writeFileSync(join(work, 'use-web.ts'), USE_WEB);
      const forWeb = { ...shared, lib: ['es2022', 'dom'], exactOptionalPropertyTypes: true };
      compile(compiler, { ...forWeb, types: ['node'], skipLibCheck: false }, 'use-web.ts');
    });
  }
  check('the command runs', () => {
    const fields = run(
      'npx',
      ['nnrp', 'decode', '--struct', 'SESSION_CLOSE_ACK', '02000000010000000000000000000000'],
      work,
    );
    expect(JSON.parse(fields).close_status, 2);
  });
  await checkAsync('nnrp-core bundles for the browser without a polyfill', async () => {
    const code = await bundled(
      "export * from 'nnrp-core'; export * as preview3 from 'nnrp-core/preview3'; export * from 'nnrp-core/preview3/struct-table'; export * as preview4 from 'nnrp-core/preview4'; export * as tables from 'nnrp-core/preview4/struct-table';",
    );
    if (/\bnode:|\brequire\(|\bBuffer\b|\bprocess\./.test(code)) throw new Error('the bundle leans on Node');
  });
  await checkAsync('one codec alone is small in a bundle', async () => {
    smallerThan(8192, await bundled("export { decodeSessionOpen } from 'nnrp-core/preview3';"));
  });
  await checkAsync("the sample in nnrp-core's README bundles to what it uses", async () => {
    const readme = readFileSync(join(work, 'node_modules', 'nnrp-core', 'README.md'), 'utf8');
    const [, sample = ''] = /```js\n(.*?)```/s.exec(readme) ?? [];
    if (!sample.includes('PacketSplitter')) throw new Error('this is another sample');
    smallerThan(SAMPLE_LIMIT, await bundled(`const chunk = globalThis.chunk;\n${sample}`));
  });
} finally {
  rmSync(work, { recursive: true, force: true });
}
const failed = checks.filter(({ error }) => error !== undefined);
for (const { name, error } of checks)
  console.log(error === undefined ? `ok    ${name}` : `FAIL  ${name}: ${error.message}`);
process.exitCode = failed.length > 0 ? 1 : 0;

function compile(compiler, compilerOptions, file) {
  writeFileSync(join(work, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: [file] }));
  run(process.execPath, [join('node_modules', compiler, 'bin', 'tsc'), '-p', 'tsconfig.json'], work);
}

/** A program for the browser, minified. */
async function bundled(contents) {
  const result = await build({
    stdin: { contents, resolveDir: work },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    write: false,
    logLevel: 'silent',
  });
  return result.outputFiles[0]?.text ?? '';
}

function smallerThan(limit, code) {
  if (code.length > limit) throw new Error(`it takes ${code.length} bytes, expected at most ${limit}`);
}

function check(name, body) {
  try {
    body();
    checks.push({ name });
  } catch (error) {
    checks.push({ name, error });
  }
}

async function checkAsync(name, body) {
  try {
    await body();
    checks.push({ name });
  } catch (error) {
    checks.push({ name, error });
  }
}

function expect(actual, wanted) {
  if (actual !== wanted) throw new Error(`expected ${JSON.stringify(wanted)}, got ${JSON.stringify(actual)}`);
}
