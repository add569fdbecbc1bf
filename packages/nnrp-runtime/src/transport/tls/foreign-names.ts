import { nearestName } from '../../base/nearest-name.js';

/** What options are called by `node:tls`, and the parts of a certificate that `selfSignedLocalhost` makes. */
const MEANT: Readonly<Record<string, readonly string[]>> = {
  ca: ['roots', 'clientRoots'],
  key: ['privateKey'],
  servername: ['serverName'],
  rejectUnauthorized: ['insecureSkipVerify', 'clientCertificates'],
  requestCert: ['clientCertificates'],
  certificateDer: ['certificateChain'],
  privateKeyPkcs8Der: ['privateKey'],
};

/** What a refusal adds about an option that has another name here; empty when it has none. */
export function foreignNameHint(name: string, known: ReadonlySet<string>): string {
  const meant = Object.hasOwn(MEANT, name) ? MEANT[name]?.find((own) => known.has(own)) : undefined;
  const found = meant ?? nearestName(name, known);
  return found === undefined ? '' : `; did you mean ${found}?`;
}
