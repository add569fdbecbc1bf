import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync } from 'node:fs';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { nnrp } from './cli-process.js';

const BIN = fileURLToPath(new URL('../dist/bin.js', import.meta.url));
/** A disk without room: whoever writes gets ENOSPC. */
const FULL = '/dev/full';
const PACKET = `4e4e525001002028${'00'.repeat(32)}`;

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0).reverse()) end();
});

/** A server of the command line, listening. */
async function serving(args: readonly string[], stderr: 'pipe' | number) {
  const child = spawn(process.execPath, [BIN, ...args, '--listen', '127.0.0.1:0'], {
    stdio: ['ignore', 'pipe', stderr],
  });
  ends.push(() => child.kill('SIGKILL'));
  let printed = '';
  for await (const chunk of child.stdout!.iterator({ destroyOnReturn: false })) {
    printed += chunk;
    if (printed.includes('\n')) break;
  }
  const [, port] = /^listening tcp 127\.0\.0\.1:(\d+)\n/.exec(printed) ?? [];
  return { child, port: Number(port) };
}

/** Breaks the protocol, which is a line of the log, until the server has ended the connection. */
async function violation(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1', () => socket.write('GARBAGE '.repeat(20)));
  socket.on('error', () => {}).resume();
  await once(socket, 'close');
}

const SERVERS: [string, readonly string[]][] = [
  ['nnrp serve', ['serve', '--handler', 'echo']],
  ['nnrp gateway', ['gateway', '--upstream', 'http://127.0.0.1:9/v1']],
];

describe.each(SERVERS)('%s goes on', (_name, args) => {
  async function expectWork(port: number): Promise<void> {
    const { code, stdout } = await nnrp(['ping', `127.0.0.1:${port}`, '--count', '1']);
    expect(stdout.toString()).toMatch(/^1 pings, 1 answered, 0 lost/m);
    expect(code).toBe(0);
  }

  it('when whoever read its log has gone', async () => {
    const { child, port } = await serving(args, 'pipe');
    child.stderr!.destroy();
    for (let count = 0; count < 3; count++) await violation(port);
    await expectWork(port);
    expect(child.exitCode).toBe(null);
  });

  it.runIf(existsSync(FULL))('when the disk of its log is full', async () => {
    const full = openSync(FULL, 'w');
    ends.push(() => closeSync(full));
    const { child, port } = await serving(args, full);
    for (let count = 0; count < 3; count++) await violation(port);
    await expectWork(port);
    expect(child.exitCode).toBe(null);
  });
});

it.runIf(existsSync(FULL))('an output that cannot be written is no error of the command, and is told', async () => {
  const full = openSync(FULL, 'w');
  ends.push(() => closeSync(full));
  const child = spawn(process.execPath, [BIN, 'decode', PACKET], { stdio: ['ignore', full, 'pipe'] });
  let told = '';
  child.stderr!.on('data', (chunk) => (told += chunk));
  const [code] = await once(child, 'close');
  expect(told).toMatch(/^nnrp: cannot write standard output: ENOSPC[^\n]*\n$/);
  expect(code).toBe(1);
});
