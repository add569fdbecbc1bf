import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Side } from '../side.js';
import type { Questions } from './child.js';
import type { Credentials } from './contestant.js';
import type { SystemName } from './systems.js';

const PROGRAM = join(dirname(fileURLToPath(import.meta.url)), 'child.js');
const ANSWER_MS = 30_000;

/** The two processes of one system. */
export class Pair {
  readonly server: Side<Questions>;
  readonly client: Side<Questions>;

  constructor(
    readonly system: SystemName,
    private readonly credentials: Credentials,
    /** Where both leave a CPU profile when they end. */
    profiles?: string,
  ) {
    const side = (role: string) =>
      new Side<Questions>({
        title: `${system}, ${role}`,
        program: PROGRAM,
        args: [role, system],
        ...(profiles !== undefined && { profile: { folder: profiles, file: `${system}.${role}.cpuprofile` } }),
        answerMs: ANSWER_MS,
      });
    this.server = side('server');
    this.client = side('client');
  }

  async start(): Promise<void> {
    const { credentials } = this;
    const port = await this.server.ask('listen', credentials);
    await this.client.ask('prepare', { port, credentials });
  }

  async stop(): Promise<void> {
    await Promise.all([this.client.stop(), this.server.stop()]);
  }
}
