import { isNnrpError, shownValue, UsageError } from 'nnrp-core';
import type { FramedConnector } from '../contract/contract.js';
import type { SchemedAddress } from './registered-url.js';
import type { RegisteredSettings } from './registry.js';
import { type OwnOptions, ownOptions } from './url-options.js';

/** Which addresses there are, and what connects to them. */
export interface AddressSpace<Address extends SchemedAddress> {
  /** @throws UsageError that says what was expected, and what came */
  read(address: string): Address;
  /** @throws UsageError on options that cannot work or mean nothing there */
  connector(address: Address, own: object | undefined, limits: RegisteredSettings['limits']): FramedConnector;
}

/** What came in the place of an address, for a message. A URL has its text in `href`. */
export function shownNoAddress(value: unknown): string {
  const isUrl = typeof (value as { href?: unknown } | undefined)?.href === 'string';
  return `${shownValue(value)}${isUrl ? ': pass its href' : ''}`;
}

/**
 * Reads one address or several.
 *
 * @param call - that is named by errors
 * @throws UsageError that names the address
 */
export function readAddresses<Address>(
  call: string,
  addresses: string | readonly string[],
  read: (address: string) => Address,
): Address[] {
  const list: readonly string[] = typeof addresses === 'string' ? [addresses] : addresses;
  if (!Array.isArray(list) || list.length === 0)
    throw new UsageError(`${call}: expected an address or a list of them, got ${shownNoAddress(addresses)}`);
  // A list may have holes, which map() would leave out.
  return Array.from(list, (address, index) => {
    try {
      return read(address);
    } catch (error) {
      if (!isNnrpError(error)) throw error;
      const where = list.length === 1 ? call : `${call}: address ${index + 1}`;
      throw new UsageError(`${where}: ${error.rawMessage.replace(/^address: /, '')}`, { cause: error });
    }
  });
}

/**
 * What connects to each address.
 *
 * @param limits - of the address at that place
 * @throws UsageError that names the address, on options that cannot work or mean nothing there; and where some are encrypted and
 * others are not
 */
export function connectorsTo<Address extends SchemedAddress>(
  space: AddressSpace<Address>,
  addresses: readonly Address[],
  given: OwnOptions<object>,
  limits: (index: number) => RegisteredSettings['limits'],
): FramedConnector[] {
  refuseDowngrade(addresses);
  const own = ownOptions(addresses, given);
  return addresses.map((address, index) => {
    try {
      return space.connector(address, own[index], limits(index));
    } catch (error) {
      throw naming(address, error);
    }
  });
}

/** What the system says names the address; a mistake does not. */
export function naming(address: SchemedAddress, error: unknown): unknown {
  if (!isNnrpError(error, 'NNRP_ERR_USAGE')) return error;
  return new UsageError(`${address.text}: ${error.rawMessage}`, { cause: error });
}

/** A network that cuts what is encrypted would get everything in plain text. Sockets of the machine are no network. */
function refuseDowngrade(addresses: readonly SchemedAddress[]): void {
  const sealed = addresses.find(({ isEncrypted }) => isEncrypted);
  const plain = addresses.find(({ isEncrypted, isLocal }) => !isEncrypted && !isLocal);
  if (sealed === undefined || plain === undefined) return;
  throw new UsageError(
    `connect: ${plain.text} is not encrypted and ${sealed.text} is: whatever cuts the one would have the other used; ` +
      'expected addresses that are all encrypted, or none',
  );
}
