import { spawnSync } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { NnrpClient, NnrpServer } from 'nnrp-runtime';
import { afterEach, describe, expect, it } from 'vitest';
import { createAdmin } from '../src/index.js';

/*
 * promtool (Debian package prometheus) over a scrape of a busy server. Without it the test is left out, unless
 * NNRP_REQUIRE_PROMTOOL is 1.
 */

const PROMTOOL = process.env['PROMTOOL'] ?? 'promtool';
const hasPromtool = spawnSync(PROMTOOL, ['--version']).status === 0;
if (!hasPromtool && process.env['NNRP_REQUIRE_PROMTOOL'] !== '1')
  console.warn('promtool is not installed: `promtool check metrics` is skipped (PROMTOOL=/path/to/it)');

const started = new EventEmitter();
const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

describe('a scrape of a busy server', () => {
  it.skipIf(!hasPromtool && process.env['NNRP_REQUIRE_PROMTOOL'] !== '1')('passes promtool', async () => {
    const text = await scrapeOfBusyServer();
    expect(text).toContain('\nnnrp_operation_duration_seconds_count 20\n');
    const { status, stdout, stderr } = spawnSync(PROMTOOL, ['check', 'metrics'], { input: text, encoding: 'utf8' });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  it('has a histogram of durations that adds up', async () => {
    const text = await scrapeOfBusyServer();
    const buckets = [...text.matchAll(/^nnrp_operation_duration_seconds_bucket\{le="[^"]+"\} (\d+)$/gm)].map(
      ([, count]) => Number(count),
    );
    expect(buckets.length).toBe(17);
    expect(buckets).toEqual([...buckets].sort((one, other) => one - other));
    expect(buckets.at(-1)).toBe(20);
  });
});

/** 21 operations: one of them goes on, and another server has some that do not count. */
async function scrapeOfBusyServer(): Promise<string> {
  const [server, other] = await Promise.all([serve(), serve()]);
  const address = await adminOf(server);
  for (const { localAddress } of [server, other]) {
    const client = await NnrpClient.connectTcp(localAddress);
    ends.push(() => client.close());
    const session = await client.openSession();
    const texts = ['drop', ...Array.from({ length: 19 }, (_, index) => `${index}`)];
    await Promise.all(texts.map(async (text) => (await session.submit(text)).result().catch(() => {})));
    const arrived = once(started, 'wait');
    (await session.submit('wait')).result().catch(() => {});
    await arrived;
  }
  return (await fetch(`http://${address}/metrics`)).text();
}

async function serve(): Promise<NnrpServer> {
  const server = await NnrpServer.bindTcp('127.0.0.1:0');
  ends.push(() => server.close({ drainTimeoutMs: 0 }));
  void server.serve({
    submit: async (operation) => {
      const text = operation.text();
      if (text === 'drop') return void (await operation.drop());
      if (text !== 'wait') return text;
      started.emit('wait');
      return void (await operation.finished);
    },
  });
  return server;
}

async function adminOf(server: NnrpServer): Promise<string> {
  const admin = createAdmin(server);
  ends.push(() => admin.close());
  return admin.listen('127.0.0.1:0');
}
