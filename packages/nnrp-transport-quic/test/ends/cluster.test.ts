import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { NnrpClient, NnrpServer } from 'nnrp-runtime';
import { parseAddress } from 'nnrp-runtime/transport';
import { afterEach, describe, expect, it } from 'vitest';
import { requireFreshBuilds } from '../../../../tools/fresh-build.mjs';
import { issue } from '../../../nnrp-runtime/test/support/certificates.js';
import { QuicProvider, QuicServerEndpointConfig } from '../../src/index.js';

const SCRIPT = fileURLToPath(new URL('cluster-process.mjs', import.meta.url));
const root = await issue({ name: 'CN=root', authority: true });
const own = await issue({ name: 'CN=server', issuer: root, ips: ['127.0.0.1'] });
const OWN = { certificateChain: own.certificate, privateKey: own.key };
const ROOTS = { roots: root.certificate };

type Way = 'tcp' | 'tls' | 'quic';
interface Report {
  readonly pid: number;
  readonly address?: string;
  readonly right?: number;
  readonly error?: string;
}

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const each of undo.splice(0).reverse()) await each();
});

/** Runs two workers of a cluster. @returns what each of them says, in the order in which they were started */
async function cluster(role: 'serve' | 'call', way: Way, address: string): Promise<[Report, Report]> {
  requireFreshBuilds('packages/nnrp-core', 'packages/nnrp-runtime', 'packages/nnrp-transport-quic');
  const env = { ...process.env, ROOT: root.certificate, CERTIFICATE: own.certificate, KEY: own.key };
  const child: ChildProcess = spawn(process.execPath, [SCRIPT, role, way, address], { env, stdio: 'pipe' });
  undo.push(async () => {
    child.stdin?.end();
    if (child.exitCode === null) await once(child, 'exit');
  });
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
  const report = async () => JSON.parse((await lines.next()).value as string) as Report;
  return [await report(), await report()];
}

/** A port that was free a moment ago: in a cluster, port 0 is another one for each worker of QUIC. */
async function freePort(): Promise<number> {
  const server = await NnrpServer.bindTcp('127.0.0.1:0');
  const { port } = parseAddress(server.localAddress);
  await server.close();
  return port;
}

const connect = (way: Way, address: string) =>
  way === 'tcp'
    ? NnrpClient.connectTcp(address)
    : way === 'tls'
      ? NnrpClient.connectTls(address, ROOTS)
      : QuicProvider.connect(address, ROOTS);

async function whoAnswers(way: Way, address: string): Promise<string> {
  const client = await connect(way, address);
  const session = await client.openSession({ defaultDeadlineMs: 0 });
  const { body } = await (await session.submit('x')).result();
  await client.close();
  return Buffer.from(body).toString();
}

describe('servers in the workers of a cluster', () => {
  it.each(['tcp', 'tls'] as const)('share an address over %s', async (way) => {
    const reports = await cluster('serve', way, '127.0.0.1:0');
    const [first, second] = reports;
    expect(first.address).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(second.address).toBe(first.address);
    const answers = new Set<string>();
    for (let count = 0; count < 6; count++) answers.add(await whoAnswers(way, first.address as string));
    expect([...answers].sort()).toEqual(reports.map(({ pid }) => `worker ${pid}`).sort());
  });

  it('cannot share one over QUIC: the first has it, the second is told what to do', async () => {
    const address = `127.0.0.1:${await freePort()}`;
    const [first, second] = await cluster('serve', 'quic', address);
    expect(first.address).toBe(address);
    expect(second.error).toMatch(/^NNRP_ERR_TRANSPORT: .*cannot bind UDP .*EADDRINUSE.*one process of a cluster alone/);
    expect(second.error).toContain('give each worker a port of its own');
    expect(await whoAnswers('quic', address)).toBe(`worker ${first.pid}`);
  });

  it('have addresses of their own over QUIC', async () => {
    const reports = await cluster('serve', 'quic', '127.0.0.1:0');
    expect(reports[0].address).not.toBe(reports[1].address);
    for (const { pid, address } of reports) {
      expect(await whoAnswers('quic', address as string)).toBe(`worker ${pid}`);
    }
  });
});

describe('clients in the workers of a cluster', () => {
  const bind: Record<Way, () => Promise<NnrpServer>> = {
    tcp: () => NnrpServer.bindTcp('127.0.0.1:0'),
    tls: () => NnrpServer.bindTls('127.0.0.1:0', OWN),
    quic: () => QuicProvider.bind(new QuicServerEndpointConfig('127.0.0.1:0', OWN)),
  };

  it.each(['tcp', 'tls', 'quic'] as const)('each get their own answers over %s', async (way) => {
    const server = await bind[way]();
    undo.push(() => server.close());
    server.serve({ submit: ({ body }) => body });
    const reports = await cluster('call', way, server.localAddress);
    expect(reports.map(({ right, error }) => error ?? right)).toEqual([10, 10]);
  });
});
