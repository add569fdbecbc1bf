import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = dirname(fileURLToPath(import.meta.url));
const ANSWER_MS = 120_000;
const EXIT_MS = 10_000;

interface Question {
  readonly id: number;
  readonly name: string;
  readonly argument: unknown;
}

type Answer = { readonly id: number; readonly value: unknown } | { readonly id: number; readonly error: string };

/** What a process of the soak can be asked, by name. */
// biome-ignore lint/suspicious/noExplicitAny: each name has an argument and an answer of its own
export type Tasks = Record<string, (argument: any) => unknown>;

/** One process of the soak, as the one in charge sees it. */
export class Side<T extends Tasks> {
  private readonly child: ChildProcess;
  private readonly waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  private lastId = 0;

  /** @param program - file name beside this one */
  constructor(
    private readonly title: string,
    program: string,
  ) {
    this.child = fork(join(HERE, program), [], { execArgv: ['--expose-gc'] });
    this.child.on('message', (answer: Answer) => {
      const waiter = this.waiting.get(answer.id);
      this.waiting.delete(answer.id);
      if ('error' in answer) waiter?.reject(new Error(`${title}: ${answer.error}`));
      else waiter?.resolve(answer.value);
    });
    this.child.once('exit', (code, signal) => {
      for (const { reject } of this.waiting.values()) reject(new Error(`${title}: ended with ${signal ?? code}`));
      this.waiting.clear();
    });
  }

  /** @throws Error (as a rejection) with what the process says, when it ends, or when it does not answer in time */
  async ask<N extends keyof T & string>(
    name: N,
    argument?: Parameters<T[N]>[0],
    timeoutMs = ANSWER_MS,
  ): Promise<Awaited<ReturnType<T[N]>>> {
    const id = ++this.lastId;
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise((resolve, reject) => {
        timer = setTimeout(() => reject(new Error(`${this.title}: no answer to ${name}`)), timeoutMs);
        this.waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
        if (this.child.connected) this.child.send({ id, name, argument } satisfies Question);
        else reject(new Error(`${this.title}: has ended`));
      });
    } finally {
      clearTimeout(timer);
      this.waiting.delete(id);
    }
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exited = once(this.child, 'exit');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), EXIT_MS);
    if (this.child.connected) this.child.disconnect();
    await exited;
    clearTimeout(timer);
  }
}

/** Answers the questions of the one in charge, as they come; ends with its interest. */
export function answerQuestions(tasks: Tasks): void {
  process.on('message', ({ id, name, argument }: Question) => {
    void (async () => {
      try {
        process.send?.({ id, value: await tasks[name]?.(argument) });
      } catch (error) {
        process.send?.({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
      }
    })();
  });
  process.on('disconnect', () => process.exit(0));
}
