import { describeTlsFailure, isTlsRefusal } from 'nnrp-runtime/transport';

/**
 * Why no upgrade came about, where Node has no words of its own for it: what speaks at the other end is no TLS, or no HTTP.
 *
 * @returns undefined where the error speaks for itself
 */
export function describeUpgradeFailure(error: Error): string | undefined {
  const code = codeOf(error);
  if (code === WITHOUT_TLS) return `the peer does not speak TLS: a server without it is reached by ws: (${code})`;
  if (code.startsWith('HPE_')) return `the peer does not speak HTTP (${code})`;
  return isTlsRefusal(error, code) ? describeTlsFailure(error, code) : undefined;
}

/** Whether the same attempt would end in the same way. */
export function isFinal(error: Error): boolean {
  return isTlsRefusal(error, codeOf(error));
}

const WITHOUT_TLS = 'ERR_SSL_WRONG_VERSION_NUMBER';

/** OpenSSL's code. Where writing has found it out first, Node says EPROTO, and has it in the message only. */
function codeOf(error: Error): string {
  const { code = '' } = error as NodeJS.ErrnoException;
  return code === 'EPROTO' && /:wrong version number:/.test(error.message) ? WITHOUT_TLS : code;
}
