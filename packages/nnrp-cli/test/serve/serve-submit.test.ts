import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NnrpClient, NnrpServer } from 'nnrp-runtime';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { performRequest } from '../../src/index.js';
import { nnrp, serving } from '../cli-process.js';

/** Text on which naive cutting or decoding loses bytes. */
const NASTY = '\uFEFFBOM\r\n  naïve “quotes” 👩‍👩‍👧🏽 春眠不覺曉\uFEFF\u0000 e\u0301 <|endoftext|>\t\n\n𝒩';
const folder = mkdtempSync(join(tmpdir(), 'nnrp-cli-'));
const servers: NnrpServer[] = [];
const peers: Server[] = [];
let files = 0;

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
  for (const peer of peers.splice(0)) peer.close();
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('nnrp serve and nnrp submit', () => {
  it('echoes and closes gracefully on SIGTERM', async () => {
    const { server, address } = await serving();
    const submitted = await nnrp(['submit', '--to', address, NASTY.replace('\u0000', ''), '--output']);
    expect(submitted).toMatchObject({ code: 0, stdout: Buffer.from(NASTY.replace('\u0000', '')) });
    expect(submitted.stderr).toContain('1 results, 0 partial results, 0 drops');
    expect(await server.stop()).toMatchObject({ code: 0, stderr: '' });
  });

  it('streams tokens that join to the text', async () => {
    const { server, address } = await serving('--handler', 'tokens');
    const text = Buffer.from(NASTY.repeat(200));
    const submitted = await nnrp(['submit', '--to', address, '-', '--output', '--count', '3'], text);
    expect(submitted.code).toBe(0);
    expect(submitted.stdout.equals(text)).toBe(true);
    expect(submitted.stderr).toMatch(/3 results, \d{4,} partial results/);
    expect((await server.stop('SIGINT')).code).toBe(0);
  });

  it('says what a body that is not UTF-8 lacks, and fails', async () => {
    const { server, address } = await serving('--handler', 'tokens');
    const submitted = await nnrp(['submit', '--to', address, '-', '--output'], Buffer.from([0x61, 0xff]));
    expect(submitted).toMatchObject({ code: 1, stdout: Buffer.from('the body is not valid UTF-8') });
    expect(submitted.stderr).toContain('1 of 1 results are not successful');
    await server.stop();
  });

  it('says once that the server allows fewer submits at a time', async () => {
    const { server, address } = await serving();
    const submitted = await nnrp(['submit', '--to', address, 'x', '--count', '200', '--in-flight', '9']);
    expect(submitted.code).toBe(0);
    expect(submitted.stdout.toString()).toMatch(/^200 results, .* 21000 bytes.*\n.*p99/);
    expect(submitted.stderr.match(/allows 4 submits in flight/g)).toHaveLength(1);
    await server.stop();
  });

  it('goes on over another connection when the first is cut, and says so at both ends', async () => {
    const { server, address } = await serving('--resume-window', '20000');
    const proxy = await cuttingProxy(address, 20_000);
    const submitted = await nnrp(['submit', '--to', proxy, 'x', '--count', '2000']);
    expect(submitted).toMatchObject({ code: 0 });
    expect(submitted.stdout.toString()).toMatch(/^2000 results, 0 partial results, 0 drops/);
    expect(submitted.stderr).toMatch(/nnrp: away: .*(closed the connection|the connection broke)/);
    expect(submitted.stderr).toMatch(/nnrp: back after \d+ ms/);
    const { stderr } = await server.stop();
    expect(stderr).toMatch(/suspended session 1 .*20000 ms\n(?:.*\n)*resumed session 1 /);
  });

  it('keeps no session beyond its connection with --resume-window 0, and refuses what is no time', async () => {
    const { server, address } = await serving('--resume-window', '0');
    const submitted = await nnrp(['submit', '--to', await cuttingProxy(address, 20_000), 'x', '--count', '2000']);
    expect(submitted.code).toBe(1);
    expect(submitted.stderr).toMatch(/closed the connection|the connection broke/);
    expect((await server.stop()).stderr).not.toContain('suspended');
    expect(await nnrp(['serve', '--resume-window', 'soon'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('Takes whole milliseconds'),
    });
  });

  it('names the code of a refused session, on both sides', async () => {
    const config = configFile({ policy_code: 0x10001 });
    const { server, address } = await serving('--config', config);
    const submitted = await nnrp(['submit', '--to', address, 'x']);
    expect(submitted).toMatchObject({
      code: 1,
      stderr: 'nnrp: the server refuses the session: auth_failed (0x00010001)\n',
    });
    expect((await server.stop()).stderr).toMatch(/^refused 127\.0\.0\.1:\d+: auth_failed \(0x00010001\)\n/);
  });

  it('logs nothing with --quiet', async () => {
    const { server, address } = await serving('--quiet', '--config', configFile({ policyCode: 7 }));
    expect((await nnrp(['submit', '--to', address, 'x'])).stderr).toContain('code 0x00000007');
    expect((await server.stop()).stderr).toBe('');
  });

  it('takes its limits from the configuration file', async () => {
    const { server, address } = await serving(
      '--config',
      configFile({ max_in_flight_operations: 2, schemas: [[4097, 3]] }),
    );
    const submitted = await nnrp(['submit', '--to', address, 'x', '--count', '3']);
    expect([submitted.code, submitted.stderr]).toEqual([0, expect.stringContaining('allows 2 submits in flight')]);
    await server.stop();
  });

  it.each([
    [{ no_such_thing: 1 }, "there is no option 'no_such_thing'"],
    [{ max_connections: 0 }, 'max_connections takes an integer of 1'],
  ])('refuses to start with %j', async (json, message) => {
    const config = configFile(json);
    const { code, stderr } = await nnrp(['serve', '--listen', '127.0.0.1:0', '--config', config]);
    expect([code, stderr]).toEqual([2, expect.stringContaining(`${config}: ${message}`)]);
  });

  it('fails when its address is taken, and exits with 2 when it is none', async () => {
    const { server, address } = await serving();
    expect(await nnrp(['serve', '--listen', address])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('EADDRINUSE'),
    });
    expect((await nnrp(['serve', '--listen', 'nowhere'])).code).toBe(2);
    await server.stop();
  });

  it('ends at once on the second signal, whatever is in progress', async () => {
    const config = configFile({ drain_timeout_ms: 60_000 });
    const { server, address } = await serving('--handler', 'tokens', '--config', config);
    const client = await NnrpClient.connectTcp(address, { maxBufferedResultBytes: 1, closeTimeoutMs: 1 });
    const session = await client.openSession({ defaultDeadlineMs: 0 });
    // Results that are not read hold the server up.
    const results = (await session.submit('word '.repeat(1_000_000)))[Symbol.asyncIterator]();
    await results.next();
    server.child.kill('SIGTERM');
    await server.printed(/^closing 1 sessions/m, 'stderr');
    expect((await server.stop('SIGTERM')).code).toBe(1);
    await client.close();
    expect(session.endReason).toBeDefined();
  });

  it('survives a peer that talks nonsense', async () => {
    const { server, address } = await serving();
    const [host, port] = address.split(':');
    const socket = connect(Number(port), host).on('error', () => {});
    socket.end('GET / HTTP/1.1\r\n\r\n'.repeat(10));
    await server.printed(/^lost 127\S+ with 0 sessions: .*'NNRP'/m, 'stderr');
    expect((await nnrp(['submit', '--to', address, 'still here', '-o'])).stdout.toString()).toBe('still here');
    await server.stop();
  });
});

describe('nnrp submit', () => {
  it('fails when submits are dropped', async () => {
    const address = await ownServer(async (server) => {
      for await (const session of server) {
        for await (const { frameId } of session) {
          if (frameId === 2) await session.sendResultDrop(frameId);
          else await session.sendResult(frameId, {});
        }
        await session.close();
      }
    });
    const { code, stdout, stderr } = await nnrp(['submit', '--to', address, 'x', '--count', '3']);
    expect([code, stderr]).toEqual([
      1,
      "nnrp: 1 of 3 submits were dropped ([NNRP_ERR_RESULT_DROPPED] frame 2 was dropped by the server's handler)\n",
    ]);
    expect(stdout.toString()).toContain('2 results, 0 partial results, 1 drops');
  });

  it('waits for work of any length, unless it sets a deadline', async () => {
    let asked: number[] = [];
    const address = await ownServer(async (server) => {
      await server.serve({
        submit: ({ session, deadlineMs, finished }) => {
          asked.push(session.clientOpen.defaultDeadlineMs, deadlineMs);
          return deadlineMs === 0 ? undefined : finished;
        },
      });
    });
    expect((await nnrp(['submit', '--to', address, 'x'])).code).toBe(0);
    expect(asked).toEqual([0, 0]);
    asked = [];
    const { code, stderr } = await nnrp(['submit', '--to', address, 'x', '--deadline', '50']);
    expect([code, stderr, asked]).toEqual([1, expect.stringContaining('1 of 1 submits were dropped'), [50, 50]]);
    expect((await nnrp(['submit', '--to', address, 'x', '--deadline', '-1'])).code).toBe(2);
  });

  it('counts what the server fails with an ERROR among the drops, and goes on', async () => {
    const address = await ownServer(async (server) => {
      await server.serve({
        submit: ({ frameId }) => {
          if (frameId === 2) throw new Error('out of luck');
        },
      });
    });
    const { code, stdout, stderr } = await nnrp(['submit', '--to', address, 'x', '--count', '3']);
    expect([code, stdout.toString()]).toEqual([1, expect.stringContaining('2 results, 0 partial results, 1 drops')]);
    expect(stderr).toContain('the server reports internal_error (0x000c): the handler failed');
  });

  it.each([
    [0, 0],
    [1, 0],
    [200, 0],
    [2, 1],
    [3, 1],
    [4, 1],
    [500, 1],
  ])('takes status %i for what it is: exit code %i', async (statusCode, expected) => {
    const address = await ownServer(async (server) => {
      for await (const session of server) {
        for await (const { frameId } of session) await session.sendResult(frameId, { statusCode });
        await session.close();
      }
    });
    const { code, stdout, stderr } = await nnrp(['submit', '--to', address, 'x']);
    expect([code, stderr]).toEqual([expected, expected === 0 ? '' : 'nnrp: 1 of 1 results are not successful\n']);
    expect(stdout.toString().includes('1 not successful')).toBe(expected === 1);
  });

  it('prints what the server reports, and that it does not confirm the close', async () => {
    const report = Buffer.from('out\nof \x1b[31mluck\u202e');
    const address = await rawPeer([
      openAck({ session_id: 1 }),
      packet('ERROR', { session_id: 1 }, { ...ERROR, diagnostic_bytes: report.length }, report) +
        packet('RESULT_PUSH', { session_id: 1, frame_id: 1 }, RESULT),
    ]);
    const { code, stdout, stderr } = await nnrp(['submit', '--to', address, 'x']);
    expect(stderr.split('\n')).toEqual([
      expect.stringMatching(
        /^nnrp: .*the server reports unsupported_version \(0x0001\): out\\nof \\x1b\[31mluck\\u202e$/,
      ),
      expect.stringMatching(/^nnrp: the server did not confirm the close: .*within 1000 ms$/),
      '',
    ]);
    expect([code, stdout.toString()]).toEqual([0, expect.stringMatching(/^1 results/)]);
  });

  it.each([
    [1, 'refuses the session'],
    [2, 'asks to retry later'],
  ])('says that there is no code when a session with status %i has none', async (session_status, how) => {
    const address = await rawPeer([openAck({ session_status })]);
    const { code, stderr } = await nnrp(['submit', '--to', address, 'x']);
    expect([code, stderr]).toEqual([1, `nnrp: the server ${how} without a code\n`]);
  });

  it('fails when the answer does not come in time', async () => {
    const address = await ownServer(async (server) => {
      for await (const session of server) void session.receiveClose().then((close) => session.ackClose(close));
    });
    const { code, stderr } = await nnrp(['submit', '--to', address, 'x', '--timeout', '0.2']);
    expect(code).toBe(1);
    expect(stderr).toContain('nothing came for 0.2 seconds; 1 of 1 submits have no result');
  });

  it('gives work in progress no more time when it has given up', async () => {
    const address = await rawPeer([openAck({ session_id: 1 }), '']);
    const { stderr } = await nnrp(['submit', '--to', address, 'x', '--timeout', '1']);
    expect(stderr).toContain('nothing came for 1 seconds');
    expect(stderr).toContain('the close was not confirmed within 1000 ms');
  });

  it('fails when the connection is lost', async () => {
    const address = await ownServer(async (server) => {
      for await (const session of server) {
        await session.receiveSubmit();
        await session.close();
      }
    });
    const { code, stderr } = await nnrp(['submit', '--to', address, 'x', '--count', '2']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/of 2 submits/);
  });

  it('fails when nobody listens, and exits with 2 without anything to submit', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((listening) => server.once('listening', listening));
    const { port } = server.address() as { port: number };
    await new Promise((closed) => server.close(closed));
    const refused = await nnrp(['submit', '--to', `127.0.0.1:${port}`, 'x']);
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('ECONNREFUSED')]);
    expect((await nnrp(['submit'])).code).toBe(2);
    expect((await nnrp(['submit', 'x', '--count', '0'])).code).toBe(2);
    expect((await nnrp(['submit', '--file', join(folder, 'missing')])).code).toBe(1);
  });
});

const ERROR = {
  error_code: 1,
  error_scope: 1,
  is_fatal: 0,
  retry_after_ms: 0,
  related_session_id: 1,
  related_frame_id: 0,
  related_view_id: 0,
};
const RESULT = {
  status_code: 0,
  result_flags: 0,
  section_count: 0,
  tile_count: 0,
  active_profile_id: 2,
  inference_ms: 0,
  queue_ms: 0,
  server_total_ms: 0,
  tile_base_id: 0,
  tile_index_bytes: 0,
  result_class: 0,
  applied_budget_policy: 0,
  reused_frame_id: 0,
  covered_tile_count: 0,
  dropped_tile_count: 0,
  payload_kind_bitmap: 0,
  payload_frame_count: 0,
};

/** A packet in hex. */
function packet(messageType: string, header: object, metadata: object, body: Buffer = Buffer.alloc(0)): string {
  const fields = { message_type: messageType, header, metadata, body_hex: body.toString('hex') };
  return (performRequest({ op: 'encode', struct: 'PACKET', fields }) as { hex: string }).hex;
}

/** A SESSION_OPEN_ACK in hex: of a session that is opened, unless the fields say otherwise. */
function openAck(fields: { readonly session_id?: number; readonly session_status?: number }): string {
  const metadata = {
    session_id: 0,
    accepted_profile_id: 2,
    accepted_priority_class: 1,
    session_status: 0,
    schema_id: 0,
    schema_version: 0,
    granted_operation_credit: 1,
    max_in_flight_operations: 1,
    lease_ttl_ms: 0,
    resume_window_ms: 0,
    resume_token_bytes: 0,
    session_extension_bytes: 0,
    server_session_tag: '0',
    route_scope_id: 0,
    session_error_code: 0,
    session_flags_ack: 0,
    ...fields,
  };
  return packet('SESSION_OPEN_ACK', { session_id: metadata.session_id }, metadata);
}

/** A peer that sends one of these, in hex, for each chunk that comes, and is silent from then on. */
async function rawPeer(answers: readonly string[]): Promise<string> {
  const peer = createServer((socket) => {
    let next = 0;
    socket.on('error', () => {});
    socket.on('data', () => socket.write(Buffer.from(answers[next++] ?? '', 'hex')));
  }).listen(0, '127.0.0.1');
  peers.push(peer);
  await new Promise((listening) => peer.once('listening', listening));
  return `127.0.0.1:${(peer.address() as { port: number }).port}`;
}

function configFile(json: object): string {
  const path = join(folder, `config-${files++}.json`);
  writeFileSync(path, JSON.stringify(json));
  return path;
}

async function ownServer(serve: (server: NnrpServer) => Promise<void>): Promise<string> {
  const server = await NnrpServer.bindTcp('127.0.0.1:0');
  servers.push(server);
  void serve(server).catch(() => {});
  return server.localAddress;
}

/** Passes bytes on; its first connection is cut when so many have come from the server. @returns where it listens */
async function cuttingProxy(address: string, bytes: number): Promise<string> {
  const [host, port] = address.split(':');
  let left = bytes;
  const proxy = createServer((near) => {
    const far = connect(Number(port), host);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on('error', () => {}).on('close', () => to.destroy());
      from.pipe(to);
    }
    far.on('data', (chunk) => {
      if (left <= 0) return;
      left -= chunk.length;
      if (left <= 0) near.destroy();
    });
  });
  peers.push(proxy);
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
}
