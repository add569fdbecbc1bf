import { randomBytes } from 'node:crypto';
import { access, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import {
  type FramedConnector,
  type FramedListener,
  IpcListener,
  TcpConnector,
  TcpListener,
  TlsConnector,
  TlsListener,
} from 'nnrp-runtime/transport';
import { QuicFramedListener, QuicServerEndpointConfig } from 'nnrp-transport-quic';
import { WebSocketConnector, WebSocketListener } from 'nnrp-transport-websocket';
import { readSmallFile } from '../../files/small-file.js';
import { errorText } from '../../terminal-text.js';
import { SuiteFileError } from '../json-file.js';
import type { Carrier, Place, TargetFiles } from './given-manifest.js';
import { targetIdentity } from './target-identity.js';

const WITHOUT_ALPN = { alpn: false } as const;
const WITHOUT_SUBPROTOCOL = { offerSubprotocol: false } as const;
const ANY_PORT = '127.0.0.1:0';

/** Free ports, and a socket of one's own. */
export function freePlaces(files: TargetFiles): ReadonlyMap<Carrier, Place> {
  return new Map<Carrier, Place>([
    ['tcp', { endpoint: ANY_PORT, files: undefined }],
    ['quic', { endpoint: ANY_PORT, files }],
    ['ipc', { endpoint: ipcEndpoint(), files: undefined }],
    ['websocket', { endpoint: `ws://${ANY_PORT}/nnrp`, files: undefined }],
  ]);
}

/** A short path, since names of sockets may have about 100 bytes; a pipe on Windows. */
function ipcEndpoint(): string {
  const name = `nnrp-suite-${randomBytes(6).toString('hex')}`;
  return process.platform === 'win32' ? `npipe://${name}` : `unix://${join(tmpdir(), `${name}.sock`)}`;
}

/** Certificate and key of the files in DER; both are made where there are none. */
async function identityIn(files: TargetFiles) {
  const [certificate, privateKey] = [fileOf(files.certificate), fileOf(files.privateKey)];
  if (certificate && privateKey) return { certificate, privateKey };
  if (certificate || privateKey)
    throw new SuiteFileError(
      `${certificate ? files.privateKey : files.certificate} is missing, but the other file of this certificate is there`,
    );
  // What clients trust may be the root of others: it is not written over for a certificate that it does not vouch for.
  if (files.trusted !== files.certificate && (await isThere(files.trusted)))
    throw new SuiteFileError(
      `${files.certificate} and ${files.privateKey} are missing, but what is trusted is there: ${files.trusted}; give all three, or none`,
    );
  return writeIdentity(files);
}

/** @throws SuiteFileError when it is there and cannot be read */
function fileOf(path: string): Buffer | undefined {
  try {
    return readSmallFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new SuiteFileError(`cannot read ${path}: ${errorText(error)}`);
  }
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Makes a certificate and its key, in place of those that are there. */
export async function writeIdentity(files: TargetFiles) {
  const made = targetIdentity(files.serverName);
  for (const path of [files.certificate, files.privateKey, files.trusted])
    await mkdir(dirname(path), { recursive: true });
  for (const path of new Set([files.certificate, files.trusted])) await writeFile(path, made.certificate);
  await rm(files.privateKey, { force: true });
  await writeFile(files.privateKey, made.privateKey, { mode: 0o600 });
  return made;
}

/** Listens at a place. @throws (as a rejection) when it cannot */
export async function listenerAt(carrier: Carrier, { endpoint, files }: Place): Promise<FramedListener> {
  const identity = files && (await identityIn(files));
  const tls = identity && { certificateChain: identity.certificate, privateKey: identity.privateKey };
  switch (carrier) {
    case 'tcp':
      return await (tls === undefined ? TcpListener.bind(endpoint) : TlsListener.bind(endpoint, tls));
    case 'quic': {
      if (tls === undefined) throw new SuiteFileError('quic: expected a certificate');
      const { certificateChain, privateKey } = tls;
      return await QuicFramedListener.bind(
        QuicServerEndpointConfig.withCertificateChain(endpoint, certificateChain, privateKey, WITHOUT_ALPN),
      );
    }
    case 'ipc':
      return await IpcListener.bind(ipcAddress(endpoint));
    case 'websocket':
      return await WebSocketListener.bind(endpoint, tls && { tls });
  }
}

/** Where a listener is found, as a manifest has it. */
export function endpointOf(carrier: Carrier, { endpoint }: Place, listener: FramedListener): string {
  return carrier === 'ipc' ? endpoint : listener.address;
}

/** What connects to the suite where it is the server. @param endpoint - of a transport that the suite listens on */
export async function connectorTo(
  carrier: 'tcp' | 'websocket',
  endpoint: string,
  files: TargetFiles | undefined,
): Promise<FramedConnector> {
  const trust = files && { roots: rootsOf(files), serverName: files.serverName };
  if (carrier === 'tcp') return trust === undefined ? new TcpConnector(endpoint) : new TlsConnector(endpoint, trust);
  return new WebSocketConnector(endpoint, { ...WITHOUT_SUBPROTOCOL, ...trust });
}

function rootsOf({ trusted }: TargetFiles): Buffer {
  const roots = fileOf(trusted);
  if (roots === undefined) throw new SuiteFileError(`${trusted} is missing`);
  return roots;
}

function ipcAddress(endpoint: string): string {
  return endpoint.startsWith('unix://') ? `unix:${endpoint.slice('unix://'.length)}` : endpoint;
}
