import { setFlagsFromString } from 'node:v8';

const FLAG = '--scavenger-max-new-space-capacity-mb';

/** The release of Node.js whose V8 collects the whole heap for memory of bodies that small collections used to free. */
const RELEASE = '24';

/**
 * Lets small collections free the memory of bodies again, see "What a large body costs" in docs/performance.md. It is for a process that
 * is this program's own: the flag holds for all of it. One that the operator has given stays.
 */
export function collectBodiesSoon(
  release: string = process.versions.node,
  given: readonly string[] = process.execArgv,
  set: (flag: string) => void = setFlagsFromString,
): void {
  const [major = ''] = release.split('.');
  const name = FLAG.slice(2).replaceAll('-', '_');
  if (major !== RELEASE || given.some((argument) => argument.replaceAll('-', '_').includes(name))) return;
  set(`${FLAG}=8`);
}
