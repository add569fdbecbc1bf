import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const START_MS = 30_000;
const STOP_MS = 10_000;

/** `nnrp serve --handler tokens` on a free port, as a process of its own that never outlives this one. */
export class ServerProcess {
  private constructor(
    private readonly child: ChildProcess,
    /** HOST:PORT. */
    readonly address: string,
  ) {}

  /**
   * @param options - further options of `nnrp serve`
   * @throws when the server does not say within half a minute where it listens
   */
  static async start(options: readonly string[]): Promise<ServerProcess> {
    const bin = fileURLToPath(new URL('../bin.js', import.meta.url));
    const args = [bin, 'serve', '--listen', '127.0.0.1:0', '--handler', 'tokens', ...options];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const kill = () => child.kill('SIGKILL');
    process.once('exit', kill);
    child.once('exit', () => process.off('exit', kill));
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
    return new ServerProcess(child, await listening(child));
  }

  /** Asks the server to close and waits for it to end. @throws when it ends badly or not at all */
  async stop(): Promise<void> {
    if (this.child.exitCode !== null) throw new Error(`the server ended early with code ${this.child.exitCode}`);
    const timer = setTimeout(() => this.child.kill('SIGKILL'), STOP_MS);
    const ended = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    const [code, signal] = await ended;
    clearTimeout(timer);
    if (code !== 0) throw new Error(`the server ended with ${code ?? signal}`);
  }
}

async function listening(child: ChildProcess): Promise<string> {
  const lines = createInterface({ input: child.stdout! });
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<string>((resolve, reject) => {
      timer = setTimeout(
        () => reject(new Error(`the server did not start within ${START_MS / 1000} seconds`)),
        START_MS,
      );
      lines.on('line', (line) => {
        const match = /^listening (?:tcp|quic) (\S+)$/.exec(line);
        if (match?.[1] !== undefined) resolve(match[1]);
      });
      child.once('exit', (code, signal) => reject(new Error(`the server did not start (${code ?? signal})`)));
      child.once('error', reject);
    });
  } finally {
    clearTimeout(timer);
  }
}
