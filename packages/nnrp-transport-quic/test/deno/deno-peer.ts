import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('deno-quic.mjs', import.meta.url));
const ARGUMENTS = ['run', '--quiet', '--no-config', '--no-lock', '--no-remote', '--no-npm', '--unstable-net'];

/** The path of Deno's program, or why there is none. */
export function denoProgram(): { readonly program: string } | { readonly missing: string } {
  try {
    const { runInstall } = createRequire(import.meta.url)('deno/install_api.cjs') as { runInstall(): string };
    const program = runInstall();
    execFileSync(program, ['--version'], { stdio: 'pipe' });
    return { program };
  } catch (error) {
    const [why] = (error as Error).message.split('\n');
    return { missing: `Deno is not to be had for ${process.platform}-${process.arch}: ${why}` };
  }
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/**
 * A process of Deno whose QUIC stack, which shares nothing with ours, does what it is told. See deno-quic.mjs for the
 * operations.
 */
export class DenoPeer {
  private readonly waiting = new Map<number, Waiting>();
  private readonly directory: string;
  private readonly child: ChildProcess;
  private readonly ended: Promise<void>;
  private asked = 0;
  private complaints = '';

  constructor(program: string) {
    this.directory = mkdtempSync(join(tmpdir(), 'nnrp-deno-'));
    const env = { ...process.env, DENO_DIR: this.directory, DENO_NO_UPDATE_CHECK: '1', NO_COLOR: '1' };
    this.child = spawn(program, [...ARGUMENTS, '--allow-net', SCRIPT], { env, stdio: 'pipe' });
    const { stdin, stdout, stderr } = this.child;
    // A process that has gone tells so by its end.
    stdin?.on('error', () => {});
    stderr?.on('data', (text) => {
      this.complaints += text;
    });
    createInterface({ input: stdout as NodeJS.ReadableStream }).on('line', (line) => this.answered(line));
    this.ended = new Promise((resolve) => {
      const over = (error?: Error) => {
        this.failAll(new Error(`Deno has ended: ${error?.message ?? this.complaints}`));
        resolve();
      };
      this.child.on('error', over);
      this.child.on('close', () => over());
    });
  }

  /** @throws Error (as a rejection) with what Deno says of the operation */
  ask<T>(operation: string, details: object = {}): Promise<T> {
    const id = ++this.asked;
    return new Promise<T>((resolve, reject) => {
      this.waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.child.stdin?.write(`${JSON.stringify({ ...details, id, operation })}\n`);
    });
  }

  /** Ends the process. */
  async end(): Promise<void> {
    this.child.stdin?.end();
    await this.ended;
    rmSync(this.directory, { recursive: true, force: true });
  }

  private answered(line: string): void {
    const { id, result, error } = JSON.parse(line) as { id: number; result?: unknown; error?: string };
    const waiting = this.waiting.get(id);
    this.waiting.delete(id);
    if (error === undefined) waiting?.resolve(result);
    else waiting?.reject(new Error(error));
  }

  private failAll(error: Error): void {
    for (const { reject } of this.waiting.values()) reject(error);
    this.waiting.clear();
  }
}
