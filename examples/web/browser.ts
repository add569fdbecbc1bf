import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** Where Chromium is; `undefined` where it is not, and that is no failure. */
export function chromium(): string | undefined {
  const path = [process.env['CHROMIUM'], '/usr/bin/chromium', '/usr/bin/google-chrome'].find(
    (name) => name !== undefined && existsSync(name),
  );
  if (path === undefined && process.env['NNRP_REQUIRE_BROWSER'] === '1')
    throw new Error('expected Chromium at /usr/bin/chromium, or where CHROMIUM says: NNRP_REQUIRE_BROWSER is set');
  return path;
}

/** The demo of the page as a process of its own. */
export class PageServer {
  readonly printed: string[] = [];

  private constructor(
    private readonly child: ChildProcess,
    readonly port: number,
  ) {}

  static async start(): Promise<PageServer> {
    const file = fileURLToPath(new URL('server.js', import.meta.url));
    const child = spawn(process.execPath, [file, '127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const lines = createInterface({ input: child.stdout });
    const [opened] = (await once(lines, 'line')) as [string];
    const server = new PageServer(child, Number(/:(\d+)\/$/.exec(opened)?.[1]));
    lines.on('line', (line) => server.printed.push(line));
    return server;
  }

  /** Bytes of memory that are in use. */
  get residentBytes(): number {
    const [, kilobytes] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${this.child.pid}/status`, 'utf8')) ?? [];
    return Number(kilobytes) * 1024;
  }

  /** @returns its exit code */
  async stop(): Promise<number | null> {
    const exited = once(this.child, 'exit');
    this.child.kill('SIGINT');
    const [code] = (await exited) as [number | null];
    return code;
  }
}

/** The network between a browser and a server, which can be off. */
export class Network {
  private readonly sockets = new Set<Socket>();
  private isOn = true;
  private readonly server = createServer((from) => this.carry(from));

  private constructor(private readonly to: number) {}

  static async before(to: number): Promise<Network> {
    const network = new Network(to);
    network.server.listen(0, '127.0.0.1');
    await once(network.server, 'listening');
    return network;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/`;
  }

  /** Cuts every connection, and lets no other one come about. */
  off(): void {
    this.isOn = false;
    for (const socket of this.sockets) socket.resetAndDestroy();
  }

  on(): void {
    this.isOn = true;
  }

  close(): void {
    this.off();
    this.server.close();
  }

  private carry(from: Socket): void {
    if (!this.isOn) {
      from.resetAndDestroy();
      return;
    }
    const to = connect(this.to, '127.0.0.1');
    for (const [socket, other] of [
      [from, to],
      [to, from],
    ] as const) {
      this.sockets.add(socket);
      socket.pipe(other);
      socket.on('error', () => {});
      socket.on('close', () => {
        this.sockets.delete(socket);
        other.destroy();
      });
    }
  }
}
