import type { Given } from '../../base/options.js';

/** Options of a server that are true or false, with their defaults. */
export const SWITCHES = [
  ['backgroundResults', false],
  ['cacheLeases', false],
  ['schemaOverride', false],
  ['enforceReferenceDeadlines', false],
  ['strict', false],
  ['exposeHandlerErrors', false],
  ['acceptAnnouncedResume', false],
  ['listenersTogether', false],
] as const;

type Switches = { [Name in (typeof SWITCHES)[number][0]]: boolean };

/** @param invalid - throws */
export function serverSwitches(
  config: Given<Switches>,
  invalid: (name: string, takes: string, got: unknown) => never,
): Switches {
  return Object.fromEntries(
    SWITCHES.map(([name, fallback]) => {
      const { [name]: value = fallback } = config;
      if (typeof value !== 'boolean') invalid(name, 'true or false', value);
      return [name, value];
    }),
  ) as Switches;
}
