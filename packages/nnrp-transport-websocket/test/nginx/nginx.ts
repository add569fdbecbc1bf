import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

/** Debian has it where only root looks by itself. */
const PATH = [process.env['PATH'], '/usr/sbin', '/sbin'].join(delimiter);
const ENV = { ...process.env, PATH };

/** Whether nginx can be run here. */
export const hasNginx = spawnSync('nginx', ['-v'], { env: ENV }).status === 0;

/** nginx on a free port of 127.0.0.1, which passes the upgrades at /nnrp on, and ends with this process. */
export class Nginx {
  private child: ChildProcess | undefined;
  private said = '';
  /** Called when it has said more, and when it has ended. */
  private heard: () => void = () => {};

  private constructor(
    private readonly folder: string,
    /** As a client has it. */
    readonly url: string,
  ) {}

  /**
   * @param server - URL of the server behind it
   * @param directives - of the location, such as `proxy_read_timeout 2s;`
   */
  static async start(server: string, directives = ''): Promise<Nginx> {
    const folder = mkdtempSync(join(tmpdir(), 'nnrp-nginx-'));
    const { host, pathname } = new URL(server);
    const port = await freePort();
    writeFileSync(join(folder, 'nginx.conf'), configuration(folder, port, `http://${host}${pathname}`, directives));
    const nginx = new Nginx(folder, `ws://127.0.0.1:${port}/nnrp`);
    await nginx.run();
    return nginx;
  }

  /** Starts it, or starts it again after {@link stop}. */
  async run(): Promise<void> {
    const child = spawn('nginx', this.args(), { env: ENV, stdio: ['ignore', 'ignore', 'pipe'] });
    this.child = child;
    process.once('exit', kill);
    child.once('exit', () => process.off('exit', kill));
    function kill(): void {
      child.kill('SIGTERM');
    }
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.said += text;
      this.heard();
    });
    child.once('close', () => this.heard());
    await this.says(/start worker process \d/);
  }

  /** `nginx -s reload`: other workers take over, and the old ones have a short time for their connections. */
  async reload(): Promise<void> {
    this.said = '';
    const [code] = await once(spawn('nginx', [...this.args(), '-s', 'reload'], { env: ENV }), 'exit');
    if (code !== 0) throw new Error(`nginx -s reload has ended with ${code}`);
    await this.says(/worker process \d+ exited/);
  }

  /** Ends it at once, with all connections. */
  async stop(): Promise<void> {
    const { child } = this;
    this.child = undefined;
    this.said = '';
    if (child === undefined || child.exitCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  }

  /** Ends it, and takes its folder along. */
  async close(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  private args(): string[] {
    return ['-p', this.folder, '-c', join(this.folder, 'nginx.conf'), '-e', 'stderr'];
  }

  private async says(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.said)) {
      if (this.child === undefined || this.child.exitCode !== null) throw new Error(`nginx has ended: ${this.said}`);
      await new Promise<void>((resolve) => {
        this.heard = resolve;
      });
    }
  }
}

function configuration(folder: string, port: number, server: string, directives: string): string {
  const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `
daemon off;
worker_processes 1;
worker_shutdown_timeout 100ms;
pid ${folder}/nginx.pid;
error_log stderr notice;
events { worker_connections 256; }
http {
  access_log off;
  ${folders.map((name) => `${name}_temp_path ${folder}/${name};`).join('\n  ')}
  server {
    listen 127.0.0.1:${port};
    location /nnrp {
      proxy_pass ${server};
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
      proxy_set_header Host $http_host;
      proxy_set_header X-Real-IP $remote_addr;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      ${directives}
    }
  }
}
`;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
