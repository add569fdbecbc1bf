import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { Answer, Question, QuestionSet } from './questions.js';

const EXIT_MS = 10_000;

/** How a side's process is started. */
export interface SideOptions {
  /** For messages. */
  readonly title: string;
  /** The program, which answers with `answerQuestions`. */
  readonly program: string;
  readonly args: readonly string[];
  /** Where it leaves a CPU profile when it ends; absent: it is not profiled. */
  readonly profile?: { readonly folder: string; readonly file: string };
  /** Milliseconds after which a question has no answer: a system hangs. */
  readonly answerMs: number;
  /** Of Node, besides. */
  readonly execArgv?: readonly string[];
}

/** A process that answers questions, as its referee sees it. */
export class Side<Q extends QuestionSet<Q>> {
  private readonly child: ChildProcess;

  constructor(private readonly options: SideOptions) {
    const { program, args, profile, execArgv = [] } = options;
    const profiling =
      profile === undefined
        ? []
        : ['--cpu-prof', `--cpu-prof-dir=${profile.folder}`, `--cpu-prof-name=${profile.file}`];
    this.child = fork(program, args, {
      execArgv: ['--expose-gc', ...profiling, ...execArgv],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
  }

  /** @throws Error (as a rejection) with what the process says, when it ends, or when it does not answer */
  async ask<N extends keyof Q & string>(name: N, ...args: Parameters<Q[N]>): Promise<Awaited<ReturnType<Q[N]>>> {
    const { title, answerMs } = this.options;
    const ended = new AbortController();
    const timer = setTimeout(() => ended.abort(new Error(`no answer to ${name} within ${answerMs} ms`)), answerMs);
    const exited = (code: number | null, signal: string | null) =>
      ended.abort(new Error(`the process ended with ${signal ?? code}`));
    this.child.once('exit', exited);
    try {
      if (!this.child.connected) throw new Error('the process has ended');
      const answered = once(this.child, 'message', { signal: ended.signal });
      this.child.send({ name, argument: args[0] } satisfies Question);
      const [answer] = (await answered) as [Answer];
      if ('error' in answer) throw new Error(answer.error);
      return answer.value as Awaited<ReturnType<Q[N]>>;
    } catch (error) {
      throw new Error(`${title}: ${ended.signal.reason ?? error}`, { cause: error });
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
