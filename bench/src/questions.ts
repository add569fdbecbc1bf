/** What can be asked of a process: functions by name, each with one argument or none, that can travel as JSON. */
export type QuestionSet<Q> = { readonly [N in keyof Q]: (...args: never[]) => Promise<unknown> };

/** A question on its way to a process; the answer comes as {@link Answer}. */
export interface Question {
  readonly name: string;
  readonly argument?: unknown;
}

export type Answer = { readonly value: unknown } | { readonly error: string };

/**
 * Answers what the parent process asks, one question after the other, and ends when it lets go of this process.
 *
 * @param role - for the message when a question is put to the wrong process
 */
export function answerQuestions(role: string, asked: object): void {
  const questions = asked as Partial<Record<string, (argument: unknown) => Promise<unknown>>>;
  process.on('message', ({ name, argument }: Question) => {
    const reply = (answer: Answer) => process.send?.(answer);
    const question = questions[name];
    if (question === undefined) {
      reply({ error: `a ${role} is not asked for ${name}` });
      return;
    }
    Promise.resolve(argument)
      .then((given) => question(given))
      .then(
        (value) => reply({ value: value ?? null }),
        (error: unknown) => reply({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
      );
  });
  // At exit a profile is written, if one was asked for.
  process.on('disconnect', () => process.exit(0));
}
