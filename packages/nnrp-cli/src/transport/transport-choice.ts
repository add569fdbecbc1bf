import { CommandUsageError } from '../exit-code.js';
import type { CertificateFiles } from './certificate-files.js';

/** Options of the command line that say over what packets go, and with which certificates. */
export interface TransportFlags {
  readonly tls?: boolean;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly quic?: boolean;
  readonly cert?: string;
  readonly key?: string;
  readonly ca?: string;
  readonly insecure?: boolean;
}

/** Over what packets go. */
export type TransportChoice =
  | { readonly kind: 'tcp' }
  | { readonly kind: 'tls'; readonly files: CertificateFiles }
  | { readonly kind: 'quic'; readonly files: CertificateFiles; readonly insecure: boolean };

const TLS_FLAGS = { cert: '--tls-cert', key: '--tls-key' };
const QUIC_FLAGS = { cert: '--cert', key: '--key' };

/** What the options ask for. @throws CommandUsageError when they ask for two things, with what to say instead */
export function chooseTransport(given: TransportFlags): TransportChoice {
  const { tls, tlsCert, tlsKey, quic, cert, key, ca, insecure = false } = given;
  if (quic) {
    if (tls) throw new CommandUsageError('--tls is TLS over TCP: give either --tls or --quic');
    if (tlsCert !== undefined) throw new CommandUsageError('--tls-cert is for TLS over TCP: with --quic it is --cert');
    if (tlsKey !== undefined) throw new CommandUsageError('--tls-key is for TLS over TCP: with --quic it is --key');
    if (insecure && ca !== undefined) {
      throw new CommandUsageError('--ca means nothing with --insecure: give one of them');
    }
    return { kind: 'quic', files: { flags: QUIC_FLAGS, cert, key, ca }, insecure };
  }
  if (insecure) throw new CommandUsageError('--insecure is for --quic only');
  if (cert !== undefined) throw new CommandUsageError('--cert is for --quic: over TCP it is --tls-cert');
  if (key !== undefined) throw new CommandUsageError('--key is for --quic: over TCP it is --tls-key');
  if (!tls && tlsCert === undefined && tlsKey === undefined && ca === undefined) return { kind: 'tcp' };
  return { kind: 'tls', files: { flags: TLS_FLAGS, cert: tlsCert, key: tlsKey, ca } };
}
