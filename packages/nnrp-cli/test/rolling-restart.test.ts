import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isNnrpError, NnrpClient, type NnrpClientSession } from 'nnrp-runtime';
import { afterAll, expect, it } from 'vitest';
import { type CliProcess, serving } from './cli-process.js';

/*
 * Three processes of one service behind one port are replaced one after the other, under streams. A proxy stands in for the
 * Service of Kubernetes: new connections go to those that are ready, by turns; each stays where it is. NNRP_LONG=1 for more streams.
 */

const isLong = process.env['NNRP_LONG'] === '1';
const CLIENTS = isLong ? 50 : 6;
const STREAMS = isLong ? 4 : 2;
const WORDS = 20;
const PROMPT = 'each word comes once and in order';

const folder = mkdtempSync(join(tmpdir(), 'nnrp-rolling-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const module = join(folder, 'handlers.mjs');
// The drain is shorter than a stream, so that some of them are cut.
writeFileSync(
  module,
  `import { setTimeout as sleep } from 'node:timers/promises';
export default async function* ({ body, signal }) {
  const text = Buffer.from(body).toString();
  for (let word = 0; word < ${WORDS}; word++) {
    yield text + ' ' + word + ';';
    await sleep(20, undefined, { signal });
  }
  return 'by ' + process.pid;
}`,
);
const config = join(folder, 'serve.json');
writeFileSync(config, JSON.stringify({ drain_timeout_ms: 100, log_level: 'error', module: './handlers.mjs' }));

/** Passes connections on to those that are ready. */
class Service {
  readonly ready: string[] = [];
  private turn = 0;
  private readonly server: Server = createServer((near) => {
    const address = this.ready[this.turn++ % this.ready.length];
    if (address === undefined) {
      near.resetAndDestroy();
      return;
    }
    const far = connect(Number(address.split(':')[1]), '127.0.0.1');
    near.pipe(far).pipe(near);
    near.on('error', () => far.destroy());
    far.on('error', () => near.destroy());
  });

  async open(): Promise<string> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return `127.0.0.1:${(this.server.address() as { port: number }).port}`;
  }

  close(): void {
    this.server.close();
  }
}

/** A client of the service, as docs/guides/errors-and-retries.md has it: its connection is made anew when it is gone. */
class ServiceClient {
  private opening: Promise<NnrpClientSession> | undefined;
  private client: NnrpClient | undefined;
  /** Codes of what has failed, and whether it may be tried again. */
  readonly failures: string[] = [];

  constructor(private readonly address: string) {}

  /** @returns the process that has answered */
  async ask(): Promise<string> {
    for (;;) {
      try {
        this.opening ??= this.open();
        const session = await this.opening;
        let text = '';
        for await (const part of (await session.submit(PROMPT)).text()) text += part;
        const [, words, by] = /^(.*;)by (\d+)$/.exec(text) ?? [];
        expect(words).toBe(Array.from({ length: WORDS }, (_, word) => `${PROMPT} ${word};`).join(''));
        return by!;
      } catch (error) {
        if (!isNnrpError(error)) throw error;
        this.failures.push(`${error.code} ${error.isRetryable}`);
        if (!error.isRetryable) throw error;
        await sleep(error.retryAfterMs || 20);
      }
    }
  }

  async close(): Promise<void> {
    await this.client?.close();
  }

  private async open(): Promise<NnrpClientSession> {
    try {
      const client = await NnrpClient.connectTcp(this.address);
      this.client = client;
      client.closed.then(() => this.forget(client));
      return await client.openSession();
    } catch (error) {
      const { client } = this;
      this.forget(client);
      await client?.close();
      throw error;
    }
  }

  private forget(client: NnrpClient | undefined): void {
    if (this.client !== client) return;
    this.opening = undefined;
    this.client = undefined;
  }
}

it('clients go on through a rolling restart: what fails is retryable, and says so', {
  timeout: isLong ? 300_000 : 120_000,
}, async () => {
  const service = new Service();
  const running: { readonly server: CliProcess; readonly address: string }[] = [];
  const start = async () => {
    const started = await serving('--config', config);
    running.push(started);
    service.ready.push(started.address);
    return started;
  };
  await Promise.all([start(), start(), start()]);
  const old = [...running];
  const address = await service.open();
  const clients = Array.from({ length: CLIENTS }, () => new ServiceClient(address));
  let isOver = false;
  const lastAnswers = clients.flatMap((client) =>
    Array.from({ length: STREAMS }, async () => {
      let by = await client.ask();
      while (!isOver) by = await client.ask();
      return by;
    }),
  );
  // Streams are under way before the first process goes; one that fails ends the test.
  const failed = Promise.all(lastAnswers);
  await Promise.race([Promise.all(clients.map((client) => client.ask())), failed]);
  for (const { server, address: gone } of old) {
    await start();
    service.ready.splice(service.ready.indexOf(gone), 1);
    expect(await server.stop()).toMatchObject({ code: 0, stderr: '' });
  }
  isOver = true;
  const now = running.slice(old.length).map(({ server }) => String(server.child.pid));
  // The last answer of each stream may still be of the last process to go: one more is of those that are there now.
  await failed;
  for (const by of await Promise.all(clients.map((client) => client.ask()))) expect(now).toContain(by);
  const failures = new Set(clients.flatMap((client) => client.failures));
  expect([...failures]).toEqual(['NNRP_ERR_SERVER_SHUTDOWN true']);
  await Promise.all(clients.map((client) => client.close()));
  await Promise.all(running.slice(old.length).map(({ server }) => server.stop()));
  service.close();
});
