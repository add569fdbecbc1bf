/**
 * What leads to the next turn, as it was when the package was loaded. A test that takes over time with fake timers replaces
 * the global functions; durations may stand still then, but what is sent must leave and what is closed must end.
 */
export const { setImmediate } = globalThis;
export const { nextTick } = process;
