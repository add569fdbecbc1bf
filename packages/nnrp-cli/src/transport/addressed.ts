import { CommandUsageError } from '../exit-code.js';
import type { TransportFlags } from './transport-choice.js';

/** An address without its scheme, and the options with what the scheme says. */
export interface Addressed<Flags extends TransportFlags> {
  readonly address: string;
  readonly flags: Flags;
  /** A Unix domain socket, or a named pipe of Windows. */
  readonly isLocal: boolean;
}

const OF_CERTIFICATES = ['tls', 'tlsCert', 'tlsKey', 'quic', 'cert', 'key', 'ca', 'insecure'] as const;

/**
 * Reads `nnrp://`, `nnrps://` and `nnrp+quic://` as the options that say the same, and `unix:` as what has none of them.
 * HOST:PORT is left as it is.
 *
 * @throws CommandUsageError when scheme and options contradict each other, or the scheme is unknown
 */
export function addressed<Flags extends TransportFlags>(given: string, flags: Flags): Addressed<Flags> {
  if (/^(?:unix|npipe):/i.test(given) || /^[\\/]{2}[.?][\\/]pipe[\\/]/i.test(given)) {
    refuse(given, flags);
    return { address: given, flags, isLocal: true };
  }
  const [, scheme, rest = ''] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/is.exec(given) ?? [];
  if (scheme === undefined) return { address: given, flags, isLocal: false };
  const address = rest.replace(/\/$/, '');
  switch (scheme.toLowerCase()) {
    case 'nnrp':
      refuse(`${scheme}://`, flags);
      return { address, flags, isLocal: false };
    case 'nnrps':
      return { address, flags: { ...flags, tls: true }, isLocal: false };
    case 'nnrp+quic':
      return { address, flags: { ...flags, quic: true }, isLocal: false };
    default:
      throw new CommandUsageError(
        `there is no transport ${scheme}: expected nnrp://, nnrps:// or nnrp+quic:// with HOST:PORT, unix:/path or HOST:PORT`,
      );
  }
}

/** Plain TCP must not be taken for encrypted. */
function refuse(address: string, flags: TransportFlags): void {
  const wrong = OF_CERTIFICATES.find((name) => flags[name] !== undefined && flags[name] !== false);
  if (wrong === undefined) return;
  const flag = `--${wrong.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  throw new CommandUsageError(`${address} is not encrypted: ${flag} means nothing with it`);
}
