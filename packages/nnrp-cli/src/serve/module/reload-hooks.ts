import type { InitializeHook, ResolveHook } from 'node:module';
import type { MessagePort } from 'node:worker_threads';

/*
 * Runs in the thread of the loader. A module that is imported with a generation in its URL hands it down to all that it imports
 * of the project, so that these are read anew, too; packages stay what they are. What was found is told, to be watched.
 */

export const GENERATION = 'nnrp-generation';

let port: MessagePort | undefined;

export const initialize: InitializeHook<{ readonly port: MessagePort }> = (data) => {
  port = data.port;
};

export const resolve: ResolveHook = async (specifier, context, nextResolve) => {
  const found = await nextResolve(specifier, context);
  if (!found.url.startsWith('file:') || found.url.includes('/node_modules/')) return found;
  const url = new URL(found.url);
  const own = url.searchParams.get(GENERATION);
  const generation = own ?? generationOf(context.parentURL);
  if (generation === null) return found;
  port?.postMessage(found.url);
  if (own !== null) return found;
  url.searchParams.set(GENERATION, generation);
  return { ...found, url: url.href };
};

function generationOf(url: string | undefined): string | null {
  return url !== undefined && URL.canParse(url) ? new URL(url).searchParams.get(GENERATION) : null;
}
