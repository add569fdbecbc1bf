import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { requireFreshBuilds } from '../../../../tools/fresh-build.mjs';
import { within } from '../../../nnrp-runtime/src/testing/within.js';

const SCRIPT = fileURLToPath(new URL('quic-process.mjs', import.meta.url));
const PATIENCE_MS = 15_000;

/** A server or a client in a process of its own; see `quic-process.mjs`. It runs the built package. */
export class QuicProcess {
  private readonly lines: AsyncIterator<string>;
  private readonly exited: Promise<unknown[]>;
  private complaints = '';

  private constructor(private readonly child: ChildProcess) {
    this.lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
    this.exited = once(child, 'exit');
    child.stderr?.on('data', (text: Buffer) => {
      this.complaints += text.toString();
    });
  }

  static serve(then: 'stays' | 'closes'): QuicProcess {
    return QuicProcess.start('serve', then);
  }

  /** @param certificate - of the server, in DER */
  static call(then: 'stays' | 'closes', address: string, certificate: Uint8Array): QuicProcess {
    return QuicProcess.start('call', then, address, Buffer.from(certificate).toString('base64'));
  }

  private static start(...words: string[]): QuicProcess {
    requireFreshBuilds('packages/nnrp-core', 'packages/nnrp-runtime', 'packages/nnrp-transport-quic');
    return new QuicProcess(spawn(process.execPath, [SCRIPT, ...words], { stdio: ['pipe', 'pipe', 'pipe'] }));
  }

  /** What it says next. */
  async next(): Promise<Record<string, string>> {
    const { value, done } = await within(this.lines.next(), PATIENCE_MS, 'the process to say something');
    if (done) throw new Error(`the process has ended: ${this.complaints}`);
    return JSON.parse(value) as Record<string, string>;
  }

  /** Makes a server close. */
  close(): void {
    this.child.stdin?.write('close\n');
  }

  /** @returns its exit code, once it has ended by itself */
  async end(timeoutMs: number): Promise<unknown> {
    const [code] = await within(this.exited, timeoutMs, 'the process to end');
    if (code !== 0) throw new Error(`the process has ended with ${code}: ${this.complaints}`);
    return code;
  }

  /** Takes it away without a word, if it is there. */
  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill('SIGKILL');
    await this.exited;
  }
}
