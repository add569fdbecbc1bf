import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach } from 'vitest';
import { requireFreshBuilds } from '../../../tools/fresh-build.mjs';

const DIST = fileURLToPath(new URL('../dist/', import.meta.url));

const running = new Set<ChildProcess>();

// A test that fails half-way leaves no process behind.
afterEach(() => {
  for (const child of running) child.kill('SIGKILL');
});

/** What a command printed, and how it ended. */
export interface Finished {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Of the built package: the command without its start, the demo, or the command as it is installed. */
type Script = 'bin.js' | 'demo.js' | '../bin/nnrp.cjs';

/** A command of the built package, running as a process of its own. */
export class CliProcess {
  readonly child: ChildProcess;
  private readonly out: Buffer[] = [];
  private readonly err: Buffer[] = [];
  private readonly changed = new Set<() => void>();
  /** Resolves when the command has ended by itself. */
  readonly ended: Promise<Finished>;

  /** @param stdin - a file to read from; stays open in this process */
  constructor(script: Script, args: readonly string[], env: NodeJS.ProcessEnv = {}, stdin: 'pipe' | number = 'pipe') {
    requireFreshBuilds(
      'packages/nnrp-core',
      'packages/nnrp-runtime',
      'packages/nnrp-transport-quic',
      'packages/nnrp-transport-websocket',
      'packages/nnrp-openai',
      'packages/nnrp-admin',
      'packages/nnrp-cli',
    );
    this.child = spawn(process.execPath, [DIST + script, ...args], {
      env: { ...process.env, ...env },
      stdio: [stdin, 'pipe', 'pipe'],
    });
    const { child } = this;
    running.add(child);
    child.once('exit', () => running.delete(child));
    this.collect(this.child.stdout!, this.out);
    this.collect(this.child.stderr!, this.err);
    // A command that has ended does not read any more.
    this.child.stdin?.on('error', () => {});
    this.ended = once(this.child, 'close').then(([code]) => ({
      code: code as number | null,
      stdout: Buffer.concat(this.out),
      stderr: Buffer.concat(this.err).toString('utf8'),
    }));
  }

  /** Resolves with the first match in standard output (or error) so far, or as soon as it comes. */
  async printed(pattern: RegExp, where: 'stdout' | 'stderr' = 'stdout'): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(Buffer.concat(where === 'stdout' ? this.out : this.err).toString('utf8'));
      if (match !== null) return match;
      const ended = await Promise.race([
        new Promise<false>((resolve) => this.changed.add(() => resolve(false))),
        this.ended.then(() => true),
      ]);
      if (ended) throw new Error(`ended without printing ${pattern}: ${JSON.stringify(await this.ended)}`);
    }
  }

  /** Ends the input, with these last bytes, and waits for the end. */
  finish(input?: string | Uint8Array): Promise<Finished> {
    this.child.stdin!.end(input);
    return this.ended;
  }

  /** Waits for the end after a signal. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Finished> {
    this.child.kill(signal);
    return this.ended;
  }

  private collect(stream: NodeJS.ReadableStream, chunks: Buffer[]): void {
    stream.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      for (const wake of this.changed) wake();
      this.changed.clear();
    });
  }
}

/** Runs `nnrp` to its end. */
export function nnrp(
  args: readonly string[],
  input?: string | Uint8Array,
  env: NodeJS.ProcessEnv = {},
): Promise<Finished> {
  return new CliProcess('bin.js', args, env).finish(input);
}

/**
 * Starts `nnrp serve` and waits until it listens: on a free port, unless the arguments say where.
 *
 * @returns `address` is the first one
 */
export async function serving(...args: string[]): Promise<{ readonly server: CliProcess; readonly address: string }> {
  const where = args.includes('--listen') ? [] : ['--listen', '127.0.0.1:0'];
  const server = new CliProcess('bin.js', ['serve', ...where, ...args]);
  const [, address] = await server.printed(/^listening (?:tcp|tls|quic|ipc|websocket) (\S+)\n/);
  return { server, address: address! };
}
