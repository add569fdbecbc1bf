import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import { requireFreshBuilds } from '../../../../tools/fresh-build.mjs';
import { NnrpServer } from '../../src/index.js';

const folder = mkdtempSync(join(tmpdir(), 'nnrp-tickets-'));
const servers: NnrpServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
  rmSync(folder, { recursive: true, force: true });
});

async function run(name: string, ...args: string[]): Promise<{ signal: string | null; out: string; err: string }> {
  const path = fileURLToPath(new URL(`./tickets/${name}`, import.meta.url));
  const child = spawn(process.execPath, [path, ...args], { stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000 });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    err += chunk;
  });
  const [, signal] = (await once(child, 'close')) as [number | null, string | null];
  return { signal, out, err };
}

it.each([
  [1, 500, 120],
  [8, 300, 700],
])(
  'a process that is killed in the middle of %i streams loses nothing and doubles nothing',
  async (streams, pieces, least) => {
    requireFreshBuilds('packages/nnrp-core', 'packages/nnrp-runtime');
    const server = await NnrpServer.bindTcp('127.0.0.1:0', { maxInFlightOperations: 16 });
    servers.push(server);
    void server.serve({
      submit: async function* ({ body }) {
        const stream = Buffer.from(body).toString();
        for (let piece = 0; piece < pieces; piece++) {
          // In bursts, so that some of it is under way and some of it unread at any moment.
          if (piece % 7 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
          yield `${stream}:${piece} `;
        }
      },
    });
    const file = join(mkdtempSync(join(tmpdir(), 'nnrp-tickets-')), 'ticket.json');
    const killed = await run('holder.mjs', server.localAddress, file, `${streams}`, `${least}`);
    expect(killed).toEqual({ signal: 'SIGKILL', out: '', err: '' });
    const { read } = JSON.parse(readFileSync(file, 'utf8')) as { read: Record<string, string[]> };
    expect(Object.values(read).flat()).toHaveLength(least);
    const { out, err } = await run('successor.mjs', file);
    expect(err).toBe('');
    const whole = JSON.parse(out) as { read: Record<string, string[]>; lostPackets: number };
    expect(whole.lostPackets).toBe(0);
    expect(Object.keys(whole.read)).toHaveLength(streams);
    for (const [frameId, texts] of Object.entries(whole.read)) {
      const stream = Number(frameId) - 1;
      const all = Array.from({ length: pieces }, (_, piece) => `${stream}:${piece} `);
      expect(texts.filter((text) => text !== '')).toEqual(all);
    }
    rmSync(file, { force: true });
  },
);
