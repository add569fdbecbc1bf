import { UsageError } from 'nnrp-runtime';
import { readOptions } from 'nnrp-runtime/transport';

/** Which requests are answered. An option that is left out, or undefined, has its default. */
export interface AdminOptions {
  /**
   * What a request from elsewhere than this machine must bring as `Authorization: Bearer TOKEN`, 16 to 1024 printable characters of
   * ASCII without spaces. With a token requests of this machine need it, too; default none, this machine alone.
   */
  readonly token?: string | undefined;
  /** Whether `/healthz` and `/readyz` need no token, for probes from elsewhere; default false. */
  readonly openProbes?: boolean | undefined;
}

const NAMES: ReadonlySet<string> = new Set(['token', 'openProbes']);
const TOKEN = /^[\x21-\x7e]{16,1024}$/;

/** @throws UsageError on an option that does not exist or fit; it does not show the token */
export function adminOptions(given: AdminOptions): {
  readonly token: string | undefined;
  readonly openProbes: boolean;
} {
  const { token, openProbes = false } = readOptions('admin options', given, NAMES);
  if (token !== undefined && (typeof token !== 'string' || !TOKEN.test(token)))
    throw new UsageError('admin options: token takes 16 to 1024 printable characters of ASCII without spaces');
  if (typeof openProbes !== 'boolean') throw new UsageError('admin options: openProbes takes true or false');
  return { token, openProbes };
}
