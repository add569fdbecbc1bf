import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InFlightPolicy } from 'nnrp-core/preview3';
import { afterAll, expect, it } from 'vitest';
import { CliProcess, serving } from './cli-process.js';

const folder = mkdtempSync(join(tmpdir(), 'nnrp-given-up-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Streams until nobody wants it any more, and says so. */
const endless = join(folder, 'endless.mjs');
writeFileSync(
  endless,
  `import { setTimeout as sleep } from 'node:timers/promises';
export default async function* ({ signal }) {
  signal.addEventListener('abort', () => console.log('stopped'));
  for (;;) {
    yield 'word ';
    await sleep(5, undefined, { signal });
  }
}
`,
);

/** Says how its sessions are closed, too. */
const telling = join(folder, 'telling.mjs');
writeFileSync(
  telling,
  `import submit from './endless.mjs';
export default {
  submit,
  close: ({ metadata }) => console.log('policy', metadata.inFlightPolicy),
  ended: (session, reason) => console.log('ended:', reason.message),
};
`,
);

/* A client that is gone without a word may come back for its work, which goes on for two minutes. A command does not come back. */

it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
  'nnrp submit gives its work up at %s, and ends by it',
  async (signal) => {
    const { server, address } = await serving(endless);
    const submit = new CliProcess('bin.js', ['submit', 'x', '--to', address, '--output']);
    await submit.printed(/word/);
    const { code, stderr } = await submit.stop(signal);
    expect([code, submit.child.signalCode]).toEqual([null, signal]);
    expect(stderr).not.toContain('nnrp:');
    await server.printed(/stopped/);
    expect((await server.stop()).stderr).not.toMatch(/suspended|lost/);
  },
);

it('nnrp submit has the work aborted, which is confirmed at once', async () => {
  const { server, address } = await serving(telling);
  const submit = new CliProcess('bin.js', ['submit', 'x', '--to', address, '--output']);
  await submit.printed(/word/);
  await submit.stop('SIGTERM');
  await server.printed(new RegExp(`policy ${InFlightPolicy.Abort}\nended: .*was closed by the client\n`));
  await server.stop();
});

it('nnrp submit gives its work up when whoever reads its output has gone', async () => {
  const { server, address } = await serving(endless);
  const submit = new CliProcess('bin.js', ['submit', 'x', '--to', address, '--output']);
  await submit.printed(/word/);
  submit.child.stdout!.destroy();
  expect((await submit.ended).code).toBe(0);
  await server.printed(/stopped/);
  expect((await server.stop()).stderr).not.toMatch(/suspended|lost/);
});

it('nnrp submit ends at the second signal where the server does not answer', async () => {
  const { server, address } = await serving(endless);
  const submit = new CliProcess('bin.js', ['submit', 'x', '--to', address, '--output']);
  await submit.printed(/word/);
  server.child.kill('SIGSTOP');
  submit.child.kill('SIGINT');
  await submit.stop('SIGTERM');
  expect(['SIGINT', 'SIGTERM']).toContain(submit.child.signalCode);
  server.child.kill('SIGCONT');
  await server.stop('SIGKILL');
});
