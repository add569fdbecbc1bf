import { createPrivateKey, X509Certificate } from 'node:crypto';
import { selfSigned } from '../../cert/self-signed.js';

/** A certificate for one name that vouches for itself, and its key. */
export interface TargetIdentity {
  /** DER. */
  readonly certificate: Uint8Array;
  /** PKCS#8 in DER, not encrypted. */
  readonly privateKey: Uint8Array;
}

/** The name by which peers know it. */
export const SERVER_NAME = 'localhost';

const WISH = { addresses: ['127.0.0.1'], days: 7, use: 'server' } as const;

export function targetIdentity(serverName: string): TargetIdentity {
  const { certificate, key } = selfSigned({ ...WISH, commonName: serverName, names: [serverName] }, new Date());
  return {
    certificate: new X509Certificate(certificate).raw,
    privateKey: createPrivateKey(key).export({ type: 'pkcs8', format: 'der' }),
  };
}
