import type { ResolveHook } from 'node:module';

/** The packages have few modules for Node, and one for each source for everything else. */
export const resolve: ResolveHook = (specifier, context, nextResolve) => {
  const conditions = context.conditions.filter((condition) => condition !== 'node');
  return nextResolve(specifier, specifier.startsWith('nnrp-') ? { ...context, conditions } : context);
};
