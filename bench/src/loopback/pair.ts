import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Answer, Question, Questions } from './child.js';
import type { Scenario } from './scenarios.js';
import type { SystemName } from './systems.js';

const CHILD = join(dirname(fileURLToPath(import.meta.url)), 'child.js');
/** A question that takes longer has no answer: a system hangs. */
const ANSWER_MS = 120_000;
const EXIT_MS = 10_000;

/** One process of a pair, as the referee sees it. */
class Side {
  private readonly child: ChildProcess;

  constructor(
    private readonly title: string,
    args: readonly string[],
    execArgv: readonly string[],
  ) {
    this.child = fork(CHILD, args, {
      execArgv: ['--expose-gc', ...execArgv],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
  }

  /** @throws Error (as a rejection) with what the process says, when it ends, or when it does not answer */
  async ask<N extends keyof Questions>(
    name: N,
    ...args: Parameters<Questions[N]>
  ): Promise<Awaited<ReturnType<Questions[N]>>> {
    const ended = new AbortController();
    const timer = setTimeout(() => ended.abort(new Error(`no answer to ${name} within ${ANSWER_MS} ms`)), ANSWER_MS);
    const exited = (code: number | null, signal: string | null) =>
      ended.abort(new Error(`the process ended with ${signal ?? code}`));
    this.child.once('exit', exited);
    try {
      if (!this.child.connected) throw new Error('the process has ended');
      const answered = once(this.child, 'message', { signal: ended.signal });
      this.child.send({ name, argument: args[0] } satisfies Question);
      const [answer] = (await answered) as [Answer];
      if ('error' in answer) throw new Error(answer.error);
      return answer.value as Awaited<ReturnType<Questions[N]>>;
    } catch (error) {
      throw new Error(`${this.title}: ${ended.signal.reason ?? error}`, { cause: error });
    } finally {
      clearTimeout(timer);
      this.child.removeListener('exit', exited);
    }
  }

  /** Lets go of the process and waits for its end; one that does not end is killed. */
  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exited = once(this.child, 'exit');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), EXIT_MS);
    if (this.child.connected) this.child.disconnect();
    await exited;
    clearTimeout(timer);
  }
}

/** The two processes of one system in one scenario. They live through all turns. */
export class Pair {
  readonly server: Side;
  readonly client: Side;
  private port = 0;

  constructor(
    readonly system: SystemName,
    readonly scenario: Scenario,
    /** Where both leave a CPU profile when they end. */
    profiles?: string,
  ) {
    const side = (role: string) => {
      const title = `${scenario.name}, ${system}, ${role}`;
      const file = `${scenario.name}.${system}.${role}.cpuprofile`;
      const profiling =
        profiles === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profiles}`, `--cpu-prof-name=${file}`];
      return new Side(title, [role, system, scenario.name], profiling);
    };
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
