import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { DenoPeer, denoProgram } from '../../../nnrp-transport-quic/test/deno/deno-peer.js';
import { CliProcess } from '../cli-process.js';
import { quicLine, whyNoQuic } from './suite-quic.js';
import { endAsClient, serveProgress, startAsClient } from './suite-sessions.js';
import { connectWebSocket } from './suite-websocket.js';
import {
  acceptWebSocket,
  fields,
  listenOnce,
  packet,
  SuitePeer,
  streamLine,
  suiteClose,
  suitePacket,
  suiteSubmit,
  T,
} from './suite-wire.js';

interface Manifest {
  readonly target_name: string;
  readonly protocol_version: string;
  readonly wire_conformance: {
    readonly modes: readonly string[];
    readonly transports: readonly {
      readonly name: string;
      readonly endpoint: string;
      readonly tls: boolean;
      readonly security?: { readonly server_name: string; readonly trusted_certificate_der_path: string };
    }[];
    readonly capabilities: readonly string[];
  };
}

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'nnrp-target-'));
  folders.push(folder);
  return folder;
}

/** The target, and where it is found. */
async function started(...args: string[]) {
  return startedIn(await newFolder(), ...args);
}

async function startedIn(folder: string, ...args: string[]) {
  const file = join(folder, 'target.json');
  const target = new CliProcess('bin.js', ['conformance-target', '--manifest', file, ...args]);
  await target.printed(/^listening; manifest in .*$/m);
  const manifest = JSON.parse(await readFile(file, 'utf8')) as Manifest;
  const endpoint = (name: string) =>
    manifest.wire_conformance.transports.find((transport) => transport.name === name)!.endpoint;
  const port = (name: string) => Number(/:(\d+)/.exec(endpoint(name))![1]);
  const tcp = () => connected(createConnection(port('tcp'), '127.0.0.1'));
  const ipc = () => connected(createConnection(endpoint('ipc').slice('unix://'.length)));
  return { target, folder, manifest, port, tcp, ipc };
}

async function connected(socket: ReturnType<typeof createConnection>): Promise<SuitePeer> {
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  socket.setNoDelay(true);
  return new SuitePeer(streamLine(socket));
}

async function cancelled(peer: SuitePeer): Promise<void> {
  const session = await startAsClient(peer);
  const request = fields([8, 101], [8, 101], [2, 1], [1, 1], [1, 1], [4, 0], [8, 0]);
  peer.send(suitePacket('cancel_tcp.frame_submit', session), packet(T.cancel, session, 1, request));
  const trace = await peer.get(T.trace);
  // The header names the trace as well, which clients from 4.24 on compare.
  expect(trace.all.subarray(40)).toEqual(suitePacket('cancel_tcp.trace_answer').subarray(40));
  expect(trace.frame).toBe(0);
  const drop = await peer.get(T.drop);
  expect([drop.frame, drop.metadata.readBigUInt64LE(0), drop.metadata.readUInt16LE(16)]).toEqual([1, 101n, 3]);
  await endAsClient(peer, suiteClose(session, 101));
}

async function deadlineFirst(peer: SuitePeer, deadline = suitePacket('deadline_tcp.deadline')): Promise<void> {
  const session = await startAsClient(peer);
  deadline.writeUInt32LE(session, 20);
  peer.send(deadline);
  peer.send(suitePacket('deadline_tcp.frame_submit', session));
  const result = await peer.get(T.result);
  expect([result.frame, result.text]).toEqual([1, 'wire-external-result']);
  await endAsClient(peer, suiteClose(session, 151));
}

async function expired(peer: SuitePeer): Promise<void> {
  const session = await startAsClient(peer);
  const priority = fields([8, 201], [8, 201], [2, 10], [2, 0], [8, 0], [4, 0]);
  const expiry = fields([8, 201], [8, 201], [2, 0], [2, 0], [8, 1], [4, 3]);
  peer.send(
    suiteSubmit(session, 201),
    packet(T.priority, session, 1, priority),
    packet(T.expireAt, session, 1, expiry),
  );
  const drop = await peer.get(T.drop);
  expect([drop.frame, drop.metadata.readBigUInt64LE(0), drop.metadata.readUInt16LE(16)]).toEqual([1, 201n, 2]);
  await endAsClient(peer, suiteClose(session, 201));
}

async function missed(peer: SuitePeer): Promise<void> {
  const session = await startAsClient(peer);
  const hint = fields([8, 401], [4, 92], [2, 3], [2, 4], [8, 1_800_000_000_000], [4, 4], [4, 0]);
  const key = [1_234_605_616_436_508_552n, 11_072_869_122_414_935_808n] as const;
  const reference = fields(
    ...([
      [4, 1],
      [2, 2],
      [2, 1],
      [8, key[0]],
      [8, key[1]],
      [8, 0],
      [8, 99],
      [4, 1000],
      [4, 4],
      [8, 0],
    ] as const),
  );
  peer.send(suiteSubmit(session, 401), suitePacket('capability_quic.capability_negotiation', session));
  peer.send(packet(T.routeHint, session, 1, hint, 'hint'), packet(T.cacheReference, session, 0, reference, 'ref!'));
  const miss = await peer.get(T.cacheMiss);
  expect(miss.metadata).toEqual(fields([4, 1], [2, 2], [2, 1], [8, key[0]], [8, key[1]], [4, 0], [4, 0]));
  const result = await peer.get(T.result);
  expect([result.frame, result.text]).toEqual([1, 'wire-external-result']);
  await endAsClient(peer, suiteClose(session, 401));
}

async function completed(peer: SuitePeer): Promise<void> {
  const session = await startAsClient(peer);
  peer.send(suitePacket('openai_tcp.frame_submit', session));
  await peer.get(T.progress);
  const delta = await peer.get(T.partial);
  const expected = suitePacket('openai_tcp.delta_answer', session);
  expect(delta.all).toEqual(expected);
  expect(JSON.parse((await peer.get(T.partial)).text)).toMatchObject({ type: 'response.usage' });
  const result = await peer.get(T.result);
  expect([result.metadata.readUInt32LE(56), result.metadata.readUInt16LE(60)]).toEqual([0x10, 1]);
  const json = result.body.subarray(32 + 24);
  expect(result.body.subarray(0, 32 + 24)).toEqual(
    fields(
      ...([
        [8, 0],
        [4, 24],
        [4, json.length],
        [8, 0],
        [8, 0],
      ] as const),
      ...([
        [2, 0],
        [1, 0x10],
        [1, 0],
        [4, 0],
        [4, 0],
        [4, 1],
        [4, 0],
        [4, json.length],
      ] as const),
    ),
  );
  expect(JSON.parse(json.toString())).toMatchObject({
    type: 'response.completed',
    body: { object: 'chat.completion' },
  });
  await endAsClient(peer, suiteClose(session, 901));
}

/** The two scenarios in which the suite is the server, and the end of the target. */
async function servedBy({ target, port }: Awaited<ReturnType<typeof started>>): Promise<void> {
  const overTcp = await listenOnce(port('tcp'));
  await serveProgress(new SuitePeer(streamLine(overTcp)));
  const { line, head } = await acceptWebSocket(await listenOnce(port('websocket')));
  expect(head).toMatch(/^GET \/nnrp HTTP\/1\.1/);
  expect(head).not.toMatch(/sec-websocket-protocol/i);
  await serveProgress(new SuitePeer(line));
  expect(await target.ended).toMatchObject({ code: 0, stderr: '' });
}

describe('nnrp conformance-target', () => {
  it('serves the suite of today', async () => {
    const running = await started();
    expect(running.manifest).toMatchObject({ target_name: 'nnrp-typescript', protocol_version: 'nnrp-1-preview4' });
    expect(running.manifest.wire_conformance.capabilities).toContain('host.routes');
    await cancelled(await running.tcp());
    await deadlineFirst(await running.tcp());
    await cancelled(await running.ipc());
    await servedBy(running);
  });

  it('serves the next suite, which asks for completions first', async () => {
    const running = await started();
    await completed(await running.tcp());
    await completed(await running.ipc());
    await completed(new SuitePeer(await connectWebSocket(running.port('websocket'), '/nnrp')));
    await cancelled(await running.tcp());
    await deadlineFirst(await running.tcp());
    await servedBy(running);
  });

  const noQuic = whyNoQuic();
  it.skipIf(noQuic !== undefined)(`serves all seven scenarios in the order of the suite${noQuic ?? ''}`, async () => {
    const found = denoProgram();
    if ('missing' in found) throw new Error(found.missing);
    const running = await started();
    const deno = new DenoPeer(found.program);
    try {
      const { security } = running.manifest.wire_conformance.transports.find(({ name }) => name === 'quic')!;
      const root = await readFile(join(running.folder, security!.trusted_certificate_der_path));
      const quic = async () => new SuitePeer(await quicLine(deno, running.port('quic'), security!.server_name, root));
      await cancelled(await running.tcp());
      await deadlineFirst(await running.tcp());
      await expired(await quic());
      await serveProgress(new SuitePeer(streamLine(await listenOnce(running.port('tcp')))));
      await missed(await quic());
      await cancelled(await running.ipc());
      const { line } = await acceptWebSocket(await listenOnce(running.port('websocket')));
      await serveProgress(new SuitePeer(line));
      expect(await running.target.ended).toMatchObject({ code: 0, stderr: '' });
    } finally {
      await deno.end();
    }
  });

  it('serves what the suite does over QUIC over any transport', async () => {
    const { target, tcp, manifest } = await started('--tcp-connections', '3', '--no-host-routes');
    expect(manifest.wire_conformance).not.toHaveProperty('host_route_providers');
    expect(manifest.wire_conformance.capabilities).not.toContain('host.routes');
    await expired(await tcp());
    await missed(await tcp());
    expect(await target.stop()).toMatchObject({ code: 1, stderr: 'nnrp: a signal has come\n' });
  });

  it('is the client over WebSocket though the suite never listens over TCP', async () => {
    const { target, port } = await started('--tcp-connections', '0');
    const { line } = await acceptWebSocket(await listenOnce(port('websocket')));
    await serveProgress(new SuitePeer(line));
    expect(await target.stop()).toMatchObject({ code: 1, stderr: 'nnrp: a signal has come\n' });
  });

  it('counts sessions, not those who only ask whether somebody listens', async () => {
    const { target, tcp, port } = await started();
    for (let count = 0; count < 3; count++) (await tcp()).end();
    await cancelled(await tcp());
    await deadlineFirst(await tcp());
    await serveProgress(new SuitePeer(streamLine(await listenOnce(port('tcp')))));
    await target.stop();
  });

  it('takes a deadline that is near for one that came before the submit, too', async () => {
    const { target, tcp } = await started();
    const near = suitePacket('deadline_tcp.deadline');
    near.writeBigUInt64LE(BigInt(Date.now() + 30_000), 40 + 20);
    await deadlineFirst(await tcp(), near);
    await target.stop();
  });

  const security = {
    server_name: 'localhost',
    trusted_certificate_der_path: 'certs/server.der',
    certificate_der_path: 'certs/server.der',
    private_key_pkcs8_der_path: 'certs/server-key.der',
  };
  const given = (transports: readonly object[], modes = ['suite_as_client', 'suite_as_server']) => ({
    target_name: 'our-target',
    protocol_version: 'nnrp-1-preview4',
    suite_version: '0.1.0',
    wire_conformance: {
      modes,
      transports,
      capabilities: ['control.cancel_abort', 'control.result_drop_reason', 'control.trace_context'],
      limits: { max_frame_bytes: 16_777_216, max_in_flight: 256 },
    },
  });

  it('listens where a manifest that is there says, and leaves it as it is', async () => {
    const folder = await newFolder();
    const file = join(folder, 'target.json');
    const free = await startedIn(await newFolder());
    const places = ['tcp', 'quic', 'websocket'].map((name) => free.port(name));
    await free.target.stop();
    const text = JSON.stringify(
      given([
        { name: 'tcp', endpoint: `127.0.0.1:${places[0]}`, tls: false },
        { name: 'quic', endpoint: `127.0.0.1:${places[1]}`, tls: true, security },
        { name: 'ipc', endpoint: `unix://${folder}/x.sock`, tls: false },
        { name: 'websocket', endpoint: `ws://127.0.0.1:${places[2]}/nnrp`, tls: false },
      ]),
    );
    await writeFile(file, text);
    const running = await startedIn(folder);
    expect(await readFile(file, 'utf8')).toBe(text);
    expect(await readdir(join(folder, 'certs'))).toEqual(['server-key.der', 'server.der']);
    await cancelled(await running.tcp());
    await cancelled(await running.ipc());
    await deadlineFirst(await running.tcp());
    await servedBy(running);
    // The files of the certificate are there now.
    const certificate = await readFile(join(folder, 'certs/server.der'));
    const again = await startedIn(folder);
    expect(await readFile(join(folder, 'certs/server.der'))).toEqual(certificate);
    await again.target.stop();
  });

  it('fills in the ports of a manifest that is there, and serves until the end when the suite is never the server', async () => {
    const folder = await newFolder();
    const file = join(folder, 'target.json');
    await writeFile(
      file,
      JSON.stringify(given([{ name: 'tcp', endpoint: '127.0.0.1:0', tls: false }], ['suite_as_client'])),
    );
    const { target, manifest, tcp } = await startedIn(folder, '--tcp-connections', '9');
    expect(manifest.target_name).toBe('our-target');
    expect(manifest.wire_conformance.transports).toMatchObject([
      { name: 'tcp', endpoint: expect.stringMatching(/^127\.0\.0\.1:\d{2,}$/) },
    ]);
    await cancelled(await tcp());
    expect(await target.stop()).toMatchObject({ code: 1, stderr: 'nnrp: a signal has come\n' });
  });

  it.each([
    ['', []],
    ['and no sessions are counted', ['--tcp-connections', '0']],
  ])('gives nothing up where the suite is the client alone, however many sessions come %s', async (_name, args) => {
    const folder = await newFolder();
    const transports = [
      { name: 'tcp', endpoint: '127.0.0.1:0', tls: false },
      { name: 'websocket', endpoint: 'ws://127.0.0.1:0/nnrp', tls: false },
    ];
    await writeFile(
      join(folder, 'target.json'),
      JSON.stringify(given(transports, ['suite_as_proxy', 'suite_as_client'])),
    );
    const { target, tcp, port } = await startedIn(folder, ...args);
    for (let round = 0; round < 2; round++) {
      await cancelled(await tcp());
      await completed(new SuitePeer(await connectWebSocket(port('websocket'), '/nnrp')));
      await deadlineFirst(await tcp());
    }
    expect(await target.stop()).toMatchObject({ code: 1, stderr: 'nnrp: a signal has come\n' });
  });

  const asServer = ['control.progress_partial', 'control.credit_backpressure', 'object.lifecycle'];
  const ofCancel = ['control.cancel_abort', 'control.result_drop_reason', 'control.trace_context'];
  it.each([
    ['0 where the suite is the server alone', ['suite_as_server'], [...asServer, ...ofCancel], 0],
    ['0 where no scenario of a client is claimed', ['suite_as_client', 'suite_as_server'], asServer, 0],
    ['1 where one is', ['suite_as_client', 'suite_as_server'], [...asServer, ...ofCancel], 1],
  ])('takes as many sessions over TCP as a manifest claims: %s', async (_name, modes, capabilities, sessions) => {
    const folder = await newFolder();
    const transports = [
      { name: 'tcp', endpoint: '127.0.0.1:0', tls: false },
      { name: 'websocket', endpoint: 'ws://127.0.0.1:0/nnrp', tls: false },
    ];
    const manifest = given(transports, modes);
    Object.assign(manifest.wire_conformance, { capabilities });
    await writeFile(join(folder, 'target.json'), JSON.stringify(manifest));
    const running = await startedIn(folder);
    for (let count = 0; count < sessions; count++) await cancelled(await running.tcp());
    await servedBy(running);
  });

  it('ends at once where a manifest names no transport, as that of a target with host routes alone may', async () => {
    const file = join(await newFolder(), 'target.json');
    await writeFile(file, JSON.stringify(given([])));
    const ended = await new CliProcess('bin.js', ['conformance-target', '--manifest', file]).ended;
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout.toString()).toBe(`no transports in ${file}: nothing to serve\n`);
  });

  it.each([
    ['[]', 'expected the manifest of a target as a JSON object'],
    ['{"protocol_version":"nnrp-1-preview3"}', 'protocol_version: expected nnrp-1-preview4, got nnrp-1-preview3'],
    ['{"protocol_version":"nnrp-1-preview4"}', 'wire_conformance: expected an object'],
    [
      JSON.stringify(given([{ name: 'smoke', endpoint: 'x' }])),
      'expected each of tcp, quic, ipc, websocket once at most',
    ],
    [JSON.stringify(given([{ name: 'quic', endpoint: '127.0.0.1:0' }])), 'quic: tls: expected true'],
    [JSON.stringify(given([{ name: 'ipc', endpoint: 'unix:///x', tls: true }])), 'ipc: tls: expected false'],
    [JSON.stringify(given([{ name: 'tcp', endpoint: '127.0.0.1:0', tls: true }])), 'tcp: security: expected an object'],
  ])('refuses what is no manifest: %s', async (text, why) => {
    const file = join(await newFolder(), 'target.json');
    await writeFile(file, text);
    const ended = await new CliProcess('bin.js', ['conformance-target', '--manifest', file]).ended;
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain(`nnrp: ${file}: `);
    expect(ended.stderr).toContain(why);
  });
});
