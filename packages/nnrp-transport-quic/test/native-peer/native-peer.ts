import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const CRATE = fileURLToPath(new URL('.', import.meta.url));
const PROGRAM = join(CRATE, 'target', 'debug', process.platform === 'win32' ? 'native-peer.exe' : 'native-peer');
const MAX_BUILD_MS = 600_000;

/** Whether cargo is there; no more is done to know that. */
export function hasCargo(): boolean {
  try {
    execFileSync('cargo', ['--version'], { cwd: CRATE, stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Builds the program, or does nothing when it is built. @throws Error with what cargo says */
export function buildNativePeer(): void {
  const env = { ...process.env };
  // The place that is looked at below.
  delete env['CARGO_TARGET_DIR'];
  execFileSync('cargo', ['build', '--quiet', '--locked'], { cwd: CRATE, env, stdio: 'pipe', timeout: MAX_BUILD_MS });
}

/** Files of a test, for the program to read. */
export class PeerFiles {
  private readonly directory = mkdtempSync(join(tmpdir(), 'nnrp-native-peer-'));

  /** @returns its path */
  write(name: string, content: string | Uint8Array): string {
    const path = join(this.directory, name);
    writeFileSync(path, content);
    return path;
  }

  clear(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** One run of the program: it does one thing on one connection. See src/main.rs. */
export class NativePeer {
  private readonly child;
  private readonly lines: AsyncIterator<string>;
  private complaints = '';

  constructor(args: readonly string[]) {
    this.child = spawn(PROGRAM, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.child.stderr.on('data', (text) => {
      this.complaints += text;
    });
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
  }

  /** Of a server. */
  async port(): Promise<number> {
    return Number(await this.line());
  }

  /** It has done what it was told. @throws Error (as a rejection) with what it says instead */
  async done(): Promise<void> {
    const line = await this.line();
    if (line !== 'ok') throw new Error(`the native peer says ${line}`);
  }

  /** Ends it, whatever it does. */
  async end(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const over = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await over;
  }

  private async line(): Promise<string> {
    const { value, done } = await this.lines.next();
    if (done === true) throw new Error(`the native peer has ended: ${this.complaints}`);
    return value;
  }
}
