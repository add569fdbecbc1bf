import type { NnrpServerOptions } from './server-config.js';

/** What a configuration says now, for a listener that comes about later. */
export function givenServerConfig(config: NnrpServerOptions): NnrpServerOptions {
  const { supportedProfiles: profiles, supportedCacheObjects: objects } = config;
  return {
    ...config,
    ...(Array.isArray(profiles) && { supportedProfiles: [...profiles] }),
    ...(Array.isArray(objects) && { supportedCacheObjects: [...objects] }),
  };
}
