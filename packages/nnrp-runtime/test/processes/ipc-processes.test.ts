import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { requireFreshBuilds } from '../../../../tools/fresh-build.mjs';
import { NnrpClient } from '../../src/client/client.js';
import { freePath } from '../transport/ipc/ipc-carrier.js';

const SCRIPT = fileURLToPath(new URL('ipc-process.mjs', import.meta.url));
const TOGETHER = 5;

interface Report {
  readonly pid: number;
  readonly address?: string;
  readonly error?: string;
}

beforeAll(() => requireFreshBuilds('packages/nnrp-core', 'packages/nnrp-runtime'));

const processes: ServerProcess[] = [];
afterEach(async () => {
  for (const each of processes.splice(0)) await each.end();
});

/** One that serves on a Unix domain socket. */
class ServerProcess {
  private readonly child: ChildProcessWithoutNullStreams;
  private readonly lines: AsyncIterator<string>;

  constructor(role: 'alone' | 'cluster', path: string, umask = 0o022) {
    const shell = `umask ${umask.toString(8)} && exec "$0" "$@"`;
    this.child = spawn('sh', ['-c', shell, process.execPath, SCRIPT, role, path], { stdio: 'pipe' });
    this.child.stderr.on('data', (text) => console.error(String(text)));
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
    processes.push(this);
  }

  async report(): Promise<Report> {
    return JSON.parse((await this.lines.next()).value) as Report;
  }

  begin(): Promise<Report> {
    this.child.stdin.write('begin\n');
    return this.report();
  }

  async crash(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.over();
  }

  async end(): Promise<void> {
    this.child.stdin.end();
    await this.over();
  }

  private async over(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, 'exit');
  }
}

async function whoAnswers(path: string): Promise<string> {
  const client = await NnrpClient.connectIpc(path);
  const session = await client.openSession({ defaultDeadlineMs: 0 });
  const text = (await session.request('x')).text();
  await client.close();
  return text;
}

async function ready(path: string): Promise<ServerProcess> {
  const server = new ServerProcess('alone', path);
  await server.report();
  return server;
}

describe('processes that want the same socket', () => {
  it('race for the place of one that has crashed: one has it, time and again', async () => {
    const path = freePath();
    let last = await ready(path);
    expect((await last.begin()).address).toBe(`unix:${path}`);
    for (let round = 0; round < 3; round++) {
      const servers = await Promise.all(Array.from({ length: TOGETHER }, () => ready(path)));
      await last.crash();
      expect(statSync(path).isSocket()).toBe(true);
      const reports = await Promise.all(servers.map((server) => server.begin()));
      const winners = reports.filter(({ address }) => address !== undefined);
      const others = reports.filter(({ error }) => error?.includes('another process listens there'));
      expect([winners.length, others.length], JSON.stringify(reports)).toEqual([1, TOGETHER - 1]);
      expect(await whoAnswers(path)).toBe(`process ${winners[0]?.pid}`);
      last = servers[reports.indexOf(winners[0] as Report)] as ServerProcess;
    }
    await last.end();
    expect(existsSync(path)).toBe(false);
    expect(readdirSync(dirname(path)).filter((name) => name.startsWith('.'))).toEqual([]);
  });
});

describe('workers of a cluster', () => {
  it('share a socket, that of a process that is gone too, and its file goes with them', async () => {
    const path = freePath();
    const gone = await ready(path);
    await gone.begin();
    await gone.crash();
    const cluster = new ServerProcess('cluster', path);
    const reports = [await cluster.report(), await cluster.report()];
    expect(reports.map(({ address, error }) => error ?? address)).toEqual([`unix:${path}`, `unix:${path}`]);
    expect((statSync(path).mode & 0o777).toString(8)).toBe('600');
    const answers = new Set<string>();
    for (let count = 0; count < 6; count++) answers.add(await whoAnswers(path));
    expect([...answers].sort()).toEqual(reports.map(({ pid }) => `process ${pid}`).sort());
    await cluster.end();
    expect(existsSync(path)).toBe(false);
  });

  it('refuse a socket that others could use before its mode is set', async () => {
    const path = freePath();
    const cluster = new ServerProcess('cluster', path, 0o002);
    for (const { error } of [await cluster.report(), await cluster.report()])
      expect(error).toContain('mode 0o600 cannot be kept: a worker of a cluster cannot set the umask, which is 002');
    expect(existsSync(path)).toBe(false);
  });
});
