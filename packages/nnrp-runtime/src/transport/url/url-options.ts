import { printable, shownValue, UsageError } from 'nnrp-core';
import { isBag } from '../../base/options.js';
import type { SchemedAddress } from './registered-url.js';

/** What a configuration says for the transports of its addresses, beside all else. */
export interface OwnOptions<Tls> {
  readonly tls?: Tls | undefined;
  readonly transports?: Readonly<Record<string, object>> | undefined;
}

/** Names of the options. */
const OWN = ['tls', 'transports'] as const;

/**
 * Takes apart what is for transports and what is for the server or client.
 *
 * @param further - names of options that are for neither
 * @returns the first, and a view of the configuration without it: nothing else is read, or copied
 */
export function splitConfig<Tls, Config extends object>(
  config: Config & OwnOptions<Tls>,
  further: readonly string[] = [],
): { readonly own: OwnOptions<Tls>; readonly rest: Config } {
  // What is no bag of options is refused with all others.
  if (!isBag(config)) return { own: {}, rest: config };
  const { tls, transports } = config;
  // Covered, they are not there for whatever walks over the fields.
  const covered = Object.fromEntries(
    [...OWN, ...further].map((name) => [name, { value: undefined, enumerable: false }]),
  );
  return { own: { tls, transports }, rest: Object.create(config, covered) as Config };
}

/**
 * What is said for each address: under `transports` by its scheme, else under `tls` where it is encrypted.
 *
 * @throws UsageError on what no address has a use for: plain TCP would be taken for encrypted
 */
export function ownOptions(
  addresses: readonly SchemedAddress[],
  { tls, transports = {} }: OwnOptions<unknown>,
): (object | undefined)[] {
  if (!isBag(transports))
    throw new UsageError(
      `transports: expected options by scheme, such as { unix: { mode } }, got ${shownValue(transports)}`,
    );
  const schemes = addresses.map(({ scheme }) => scheme);
  for (const name of Object.keys(transports)) {
    if (schemes.includes(name)) continue;
    const known = [...new Set(schemes)].join(', ');
    throw new UsageError(`transports: '${printable(name, 100)}' is the scheme of no address; there are ${known}`);
  }
  if (tls !== undefined && !addresses.some(({ isEncrypted }) => isEncrypted)) {
    const which = addresses.map(({ text }) => text).join(', ');
    throw new UsageError(`tls: it means nothing for ${which}, which is not encrypted; expected nnrps://HOST:PORT`);
  }
  return addresses.map(({ isEncrypted, scheme }) => {
    const own = Object.hasOwn(transports, scheme) ? transports[scheme] : undefined;
    return own ?? (isEncrypted ? (tls as object | undefined) : undefined);
  });
}
