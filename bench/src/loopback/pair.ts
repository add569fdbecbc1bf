import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Side } from '../side.js';
import type { Questions } from './child.js';
import type { Scenario } from './scenarios.js';
import type { SystemName } from './systems.js';

const PROGRAM = join(dirname(fileURLToPath(import.meta.url)), 'child.js');
const ANSWER_MS = 120_000;

/** The two processes of one system in one scenario. They live through all turns. */
export class Pair {
  readonly server: Side<Questions>;
  readonly client: Side<Questions>;
  private port = 0;

  constructor(
    readonly system: SystemName,
    readonly scenario: Scenario,
    /** Where both leave a CPU profile when they end. */
    profiles?: string,
  ) {
    const side = (role: string) =>
      new Side<Questions>({
        title: `${scenario.name}, ${system}, ${role}`,
        program: PROGRAM,
        args: [role, system, scenario.name],
        ...(profiles !== undefined && {
          profile: { folder: profiles, file: `${scenario.name}.${system}.${role}.cpuprofile` },
        }),
        answerMs: ANSWER_MS,
      });
    this.server = side('server');
    this.client = side('client');
  }

  async listen(): Promise<void> {
    this.port = await this.server.ask('listen');
  }

  /** @param connections - fewer than the scenario has, to warm up */
  async connect(connections = this.scenario.connections): Promise<void> {
    await this.client.ask('connect', { port: this.port, connections });
  }

  async stop(): Promise<void> {
    await Promise.all([this.client.stop(), this.server.stop()]);
  }
}
