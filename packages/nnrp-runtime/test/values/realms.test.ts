import vm from 'node:vm';
import * as core from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { NnrpClient } from '../../src/client/client.js';
import type { NnrpClientSession } from '../../src/client/session/client-session.js';
import { submitMetadata } from '../../src/client/submits/submit-options.js';
import { resultMetadata } from '../../src/server/contract/server-messages.js';
import { NnrpServer } from '../../src/server/server.js';
import { MemoryListener } from '../../src/transport/memory.js';
import { issue } from '../support/certificates.js';
import { Stage } from '../support/stage.js';

const stage = new Stage();
const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
  await stage.clear();
});

/** Another realm: its classes are not those of this one, as in test environments and Electron. */
const realm = vm.createContext({ setTimeout, AbortController, console });
const foreign = (code: string) => vm.runInContext(`(${code})`, realm);
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

async function serving(handler: () => unknown): Promise<NnrpClientSession> {
  const { server, client } = await stage.pair();
  server.serve({ submit: handler as never });
  return client.openSession({ defaultDeadlineMs: 0 });
}

async function answerTo(session: NnrpClientSession, body: unknown): Promise<string> {
  return text((await (await session.submit(body as string)).result()).body);
}

describe('values of another realm are taken', () => {
  it.each([
    'new Uint8Array([104, 105])',
    'new Uint8Array([104, 105]).buffer',
    'new DataView(new Uint8Array([104, 105]).buffer)',
    'new Uint16Array([0x6968])',
  ])('as a body: %s', async (code) => {
    const { server, client } = await stage.pair();
    server.serve({ submit: ({ body }) => body });
    const session = await client.openSession(foreign('{ defaultDeadlineMs: 0 }'));
    expect(await answerTo(session, foreign(code))).toBe('hi');
  });

  it.each([
    '() => new Uint8Array([104, 105])',
    '() => new Uint8Array([104, 105]).buffer',
    '() => ({ body: new Uint8Array([104, 105]).buffer, metadata: { queueMs: 1 } })',
    'async () => "hi"',
    '() => ({ then(yes) { yes("hi") } })',
    '() => Object.assign(() => 1, { then(yes) { yes("hi") } })',
    'function* () { yield "a"; return "hi"; }',
    'async function* () { yield new Uint8Array([1]).buffer; return "hi"; }',
  ])('as a result: %s', async (code) => {
    expect(await answerTo(await serving(foreign(code)), 'x')).toBe('hi');
  });

  it('as a token, a payload and a certificate', async () => {
    const tokens: string[] = [];
    const { client } = await stage.pair({
      applicationPolicy: { validateSessionOpen: (_, { auth }) => void tokens.push(text(auth)) },
    });
    await client.openSession({ auth: foreign('new Uint8Array([104, 105]).buffer') });
    await client.openSession({ extensions: [{ type: 0x9000, payload: foreign('new Uint8Array([1])') }] });
    expect(tokens).toEqual(['hi', '']);
    const { certificate, key } = await issue({ name: 'CN=own', authority: true, ips: ['127.0.0.1'] });
    Object.assign(realm, { pem: [...Buffer.from(certificate)], key: [...Buffer.from(key)] });
    const tls = { certificateChain: foreign('Uint8Array.from(pem)'), privateKey: foreign('Uint8Array.from(key)') };
    const server = await NnrpServer.bindTls('127.0.0.1:0', tls);
    cleanup.push(() => server.close());
    const connected = await NnrpClient.connectTls(server.localAddress, { roots: foreign('[Uint8Array.from(pem)]') });
    await connected.close();
  });

  it('as a generator that is left, an error, and a signal', async () => {
    Object.assign(realm, { left: 0 });
    const session = await serving(
      foreign(
        'async function* ({ signal }) { try { for (;;) { yield "x"; await new Promise((r) => setTimeout(r, 1)); } } finally { left++; } }',
      ),
    );
    const controller = foreign('new AbortController()') as AbortController;
    const operation = await session.submit('x', { signal: controller.signal });
    for await (const _ of operation) break;
    controller.abort();
    await expect.poll(() => foreign('left')).toBe(1);
    const failing = await serving(foreign('() => { throw new Error("foreign") }'));
    await expect(answerTo(failing, 'x')).rejects.toThrow();
  });
});

// Another copy of the packages, as a tree with two versions of a dependency has.
vi.resetModules();
const copy = await import('../../src/index.js');
const copyOfCore = await import('nnrp-core');

describe('values of another copy are taken', () => {
  it('for what they are, by class and code', () => {
    expect(copy.NnrpServer).not.toBe(NnrpServer);
    expect(copyOfCore.WireError).not.toBe(core.WireError);
    const closed = new copyOfCore.ClosedError('closed');
    expect(core.isNnrpError(closed, 'NNRP_ERR_CLOSED')).toBe(true);
    const fault = { kind: 'invalid_magic' } as never;
    expect([core.isWireError(new copyOfCore.WireError(fault, 'X')), core.isWireError(closed)]).toEqual([true, false]);
    const peer = new copyOfCore.PeerError('NNRP_ERR_PEER', 'x', 1);
    const rule = new copyOfCore.ProtocolError('x', 1);
    expect([peer, rule, closed, new Error('x'), null].map(core.isPeerError)).toEqual([
      true,
      false,
      false,
      false,
      false,
    ]);
  });

  it('as complete metadata', async () => {
    const complete = copy.resultMetadata({ statusCode: preview3.StatusCode.Degraded });
    expect(resultMetadata(complete)).toEqual(complete);
    const { server, client } = await stage.pair();
    server.serve({ submit: () => ({ body: 'hi', metadata: complete }) });
    const session = await client.openSession({ defaultDeadlineMs: 0 });
    const operation = await session.submit('x', { metadata: copy.submitMetadata({ targetFpsX100: 100 }) });
    expect((await operation.result()).metadata.statusCode).toBe(preview3.StatusCode.Degraded);
    expect(submitMetadata(copy.submitMetadata({ targetFpsX100: 7 }))).toMatchObject({ targetFpsX100: 7 });
  });

  it('as the end of a listener or a transport that was meant', async () => {
    const listener = new MemoryListener();
    const server = NnrpServer.fromListener({
      kind: 'memory',
      address: 'memory',
      accept: () => Promise.reject(new copyOfCore.ClosedError('closed')),
      close: () => listener.close(),
    });
    const failed: unknown[] = [];
    server.on('listenerFailed', (error) => void failed.push(error));
    await server.serve({ submit: () => 'x' });
    expect(failed).toEqual([]);
    for await (const _ of NnrpServer.fromListener({
      ...listener,
      kind: 'memory',
      address: 'memory',
      accept: () => Promise.reject(new copyOfCore.ClosedError('closed')),
      close: () => listener.close(),
    }))
      expect.unreachable();
  });

  it('as a registry of schemas', async () => {
    const registry = new copyOfCore.SchemaRegistry([preview3.TOKEN_DELTA_SCHEMA]);
    const { client } = await stage.pair({ schemaRegistry: registry as never });
    expect((await client.openSession()).sessionId).toBeGreaterThan(0);
  });
});
