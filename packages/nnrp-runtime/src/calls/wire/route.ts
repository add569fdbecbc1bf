import { shownWord, UsageError } from 'nnrp-core';

/** What a call is for: a name, or a number of 1 to 65535, which takes the place of a name in the header of its submit. */
export type CallRoute = string | number;

const NAME = /^[\x21-\x7e]{1,128}$/;

export function isRouteName(name: unknown): name is string {
  return typeof name === 'string' && NAME.test(name);
}

/** @param what - for the message @throws UsageError when it is no route */
export function checkRoute(what: string, route: unknown): asserts route is CallRoute {
  if (isRouteName(route) || (Number.isInteger(route) && (route as number) >= 1 && (route as number) <= 0xffff)) return;
  throw new UsageError(
    `${what}: route takes a name of 1 to 128 printable characters of ASCII, or a number of 1 to 65535, got ${shownWord(route)}`,
  );
}
