interface Caused {
  readonly stack?: unknown;
  readonly cause?: unknown;
}

const MOST_CAUSES = 8;

/**
 * An error that is kept for a while. V8 holds the receivers of all frames of an error, connections with what has come of a
 * packet among them, until its stack is looked at; so it does for its causes.
 */
export function keptError<E extends Caused>(error: E): E {
  let each: Caused | undefined = error;
  for (let depth = 0; each !== undefined && depth < MOST_CAUSES; depth++) each = looked(each);
  return error;
}

/** @returns its cause, which may be anything that an application has thrown */
function looked(error: Caused): Caused | undefined {
  try {
    void error.stack;
    const { cause } = error;
    return typeof cause === 'object' && cause !== null ? cause : undefined;
  } catch {
    return undefined;
  }
}
