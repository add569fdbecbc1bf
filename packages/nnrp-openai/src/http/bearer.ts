import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { shownPlain, UsageError } from 'nnrp-core';
import type { CallMetadata } from 'nnrp-runtime/calls';
import { isObject } from 'nnrp-runtime/transport';
import type { AuthorizeHttp, ServerConfig } from './server-options.js';

/** Decides which requests are let in. @returns metadata for the call; undefined refuses */
export type Doorkeeper = (request: IncomingMessage, path: string) => Promise<CallMetadata | undefined>;

export function doorkeeper({ keys, authorize }: ServerConfig): Doorkeeper {
  const decide = authorize ?? (keys === undefined ? () => true : byKeys(keys));
  return async (request, path) => {
    const { method = '', socket } = request;
    const decision: unknown = await decide({
      key: /^bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1],
      method,
      path,
      remoteAddress: socket.remoteAddress ?? '',
    });
    if (decision === true) return {};
    if (decision === false || decision === undefined) return undefined;
    if (isObject(decision)) return decision as CallMetadata;
    throw new UsageError(`createOpenAiServer: authorize returns true, false or metadata, got ${shownPlain(decision)}`);
  };
}

/** All keys are compared, each in the same time: how long it takes tells nothing of them. */
function byKeys(keys: readonly string[]): AuthorizeHttp {
  const known = keys.map(digest);
  return ({ key }) => {
    const given = digest(key ?? '');
    return known.map((entry) => timingSafeEqual(entry, given)).includes(true);
  };
}

function digest(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
