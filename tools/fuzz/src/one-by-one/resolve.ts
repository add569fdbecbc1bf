import type { ResolveHook } from 'node:module';

/** Of these, private members have their names in `named` alone. */
const SHORTENED = /(\/nnrp-(?:core|runtime)\/dist\/)modules\//;

/** The packages have few modules for Node, and one for each source for everything else. */
export const resolve: ResolveHook = async (specifier, context, nextResolve) => {
  if (!specifier.startsWith('nnrp-')) return nextResolve(specifier, context);
  const conditions = context.conditions.filter((condition) => condition !== 'node');
  const found = await nextResolve(specifier, { ...context, conditions });
  return { ...found, url: found.url.replace(SHORTENED, '$1named/') };
};
