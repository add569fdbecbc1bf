import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { BareClient } from '../support/bare-client.js';
import { QuicStage } from '../support/quic-stage.js';
import { until } from '../support/until.js';

interface QlogEvent {
  readonly time: number;
  readonly name: string;
  readonly data: {
    readonly count: number;
    readonly raw: readonly { readonly length: number }[];
    readonly smoothed_rtt: number;
    readonly owner: string;
    readonly reason: string;
  };
}

const stage = new QuicStage();
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nnrp-qlog-'));
});

afterEach(async () => {
  vi.restoreAllMocks();
  await stage.clear();
  rmSync(folder, { recursive: true, force: true });
});

/** The records of the one file of an end: what it is about, and events. */
function traceOf(type: string): [header: unknown, ...events: QlogEvent[]] {
  const [name, ...others] = readdirSync(folder).filter((file) => file.includes(`-${type}-`));
  expect(others).toEqual([]);
  const path = join(folder, name as string);
  if (process.platform !== 'win32') expect(statSync(path).mode & 0o777).toBe(0o600);
  const [before, ...records] = readFileSync(path, 'utf8').split('\u001e');
  expect(before).toBe('');
  return records.map((record) => JSON.parse(record)) as [unknown, ...QlogEvent[]];
}

const bytesOf = (events: readonly QlogEvent[], name: string) =>
  events
    .filter((event) => event.name === name)
    .flatMap(({ data }) => data.raw)
    .reduce((sum, { length }) => sum + length, 0);

it('has what has happened to a connection, at both ends', async () => {
  const server = await stage.echo({ qlogDirectory: folder });
  const client = await stage.connect(server.localAddress, { qlogDirectory: folder });
  await (await (await client.openSession()).submit(Buffer.alloc(300_000))).result();
  await client.close();
  await until(() => stage.inside(server).connections === 0, 'the server is done with it');
  const [about, ...ofServer] = traceOf('server');
  expect(about).toMatchObject({
    qlog_format: 'JSON-SEQ',
    qlog_version: '0.3',
    trace: { vantage_point: { type: 'server' } },
  });
  const [, ...ofClient] = traceOf('client');
  for (const events of [ofServer, ofClient]) {
    const names = events.map(({ name }) => name);
    expect(names[0]).toBe('connectivity:connection_started');
    expect(names).toContain('connectivity:connection_state_updated');
    expect(names.at(-1)).toBe('connectivity:connection_closed');
    expect(bytesOf(events, 'transport:datagrams_sent')).toBeGreaterThan(300_000);
    expect(events.find(({ name }) => name === 'recovery:metrics_updated')?.data.smoothed_rtt).toBeGreaterThan(0);
    const times = events.map(({ time }) => time);
    expect(times).toEqual([...times].sort((a, b) => a - b));
  }
  // What was sent first as well, which is before the server knows of a connection.
  expect(ofServer.map(({ name }) => name).indexOf('transport:datagrams_received')).toBe(1);
  const [received, sent] = [
    bytesOf(ofServer, 'transport:datagrams_received'),
    bytesOf(ofClient, 'transport:datagrams_sent'),
  ];
  expect(received).toBeGreaterThan(300_000);
  expect(received).toBeLessThanOrEqual(sent);
});

it('says why a client could not connect, and nothing of what strangers have begun at a server', async () => {
  const server = await stage.echo({ qlogDirectory: folder, handshakeTimeoutMs: 200 });
  const failing = stage.connect(server.localAddress, { qlogDirectory: folder, serverName: 'other.example' });
  await expect(failing).rejects.toThrow(/other\.example/);
  const stranger = await BareClient.at(server.localAddress, 'http/1.1');
  stranger.flush();
  await until(() => stranger.isOver && stage.inside(server).connections === 0, 'they have failed');
  stranger.destroy();
  const [, ...events] = traceOf('client');
  expect(events.at(-1)?.data.reason).toContain('other.example');
  expect(readdirSync(folder)).toHaveLength(1);
});

it('that cannot be written is a warning, and the connection lives', async () => {
  const warnings = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  const server = await stage.echo();
  const nowhere = join(folder, 'nowhere');
  await (await stage.connect(server.localAddress, { qlogDirectory: nowhere })).openSession();
  expect(warnings.mock.calls.map(([text]) => String(text)).join()).toContain('qlogDirectory cannot be written to');
});
