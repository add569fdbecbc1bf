/** How deep promises are looked for in what is refused, and in how many places of each object. */
const MAX_DEPTH = 3;
const MAX_FIELDS = 64;

/**
 * Marks the promises in a value that is not taken as handled: the error tells a caller that it forgot to await one, and the
 * rejection must not end the process as well. Promises alone: another thenable may begin its work when it is asked.
 */
export function ignoreRejectionsWithin(value: unknown, depth = MAX_DEPTH): void {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return;
  try {
    // Also one of another realm; `then` throws for what only says that it is one.
    if (Object.prototype.toString.call(value) === '[object Promise]')
      Promise.prototype.then.call(value, undefined, ignore);
    else if (depth > 0) {
      for (const name of namesIn(value)) {
        // No getter is called.
        ignoreRejectionsWithin(Object.getOwnPropertyDescriptor(value, name)?.value, depth - 1);
      }
    }
  } catch {
    // A proxy, or a promise with a constructor of its own, which may do anything.
  }
}

/** What the check gives. @throws what it throws; promises in what it has refused are then marked as handled */
export function checking<T>(given: unknown, check: () => T): T {
  try {
    return check();
  } catch (error) {
    ignoreRejectionsWithin(given);
    throw error;
  }
}

/** The names of a long list are not made. */
function namesIn(value: object): Iterable<string | number> {
  return Array.isArray(value) ? Array(MAX_FIELDS).keys() : Object.keys(value).slice(0, MAX_FIELDS);
}

function ignore(): void {}
