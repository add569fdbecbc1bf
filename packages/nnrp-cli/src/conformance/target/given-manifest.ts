import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { isJsonObject, type JsonObject } from '../../json/json-object.js';
import { listMember, readJsonFile, requireProtocol, SuiteFileError, textMember } from '../json-file.js';
import { PROTOCOL_VERSION } from '../protocol.js';

export const CARRIERS = ['tcp', 'quic', 'ipc', 'websocket'] as const;

/** A transport, as manifests name it. */
export type Carrier = (typeof CARRIERS)[number];

/** The files that a target proves itself by. */
export interface TargetFiles {
  readonly serverName: string;
  readonly certificate: string;
  readonly privateKey: string;
  /** What a client of the target's trusts. */
  readonly trusted: string;
}

/** Where the target listens over one transport. */
export interface Place {
  /** As a manifest has it: HOST:PORT, or a URL. */
  readonly endpoint: string;
  /** Whole paths; undefined for what is plain. */
  readonly files: TargetFiles | undefined;
}

/** A manifest that was there before the target: it says where the target listens. */
export interface GivenManifest {
  readonly json: JsonObject;
  readonly wire: JsonObject;
  readonly places: ReadonlyMap<Carrier, Place>;
  /** Whether the suite is to be a server, so that the target connects to it. */
  readonly hasSuiteAsServer: boolean;
}

/**
 * Reads the manifest of a target. @returns undefined where there is none
 * @throws SuiteFileError (as a rejection) for a file that is no manifest
 */
export async function givenManifest(path: string): Promise<GivenManifest | undefined> {
  const isThere = await stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
  );
  if (!isThere) return undefined;
  const json = await readJsonFile(path, 'the manifest of a target');
  requireProtocol(json, PROTOCOL_VERSION, path);
  const { wire_conformance: wire } = json;
  if (!isJsonObject(wire)) throw new SuiteFileError(`${path}: wire_conformance: expected an object`);
  const places = new Map<Carrier, Place>();
  for (const transport of listMember(wire, 'transports', path)) {
    const name = textMember(transport, 'name', path) as Carrier;
    if (!CARRIERS.includes(name) || places.has(name))
      throw new SuiteFileError(`${path}: transports: expected each of ${CARRIERS.join(', ')} once at most`);
    places.set(name, {
      endpoint: textMember(transport, 'endpoint', `${path}: ${name}`),
      files: certificateFiles(transport, path, name),
    });
  }
  const { modes } = wire;
  return { json, wire, places, hasSuiteAsServer: Array.isArray(modes) && modes.includes('suite_as_server') };
}

function certificateFiles(transport: JsonObject, path: string, name: Carrier): TargetFiles | undefined {
  const { tls, security } = transport;
  const where = `${path}: ${name}`;
  if (tls !== true) {
    if (name === 'quic') throw new SuiteFileError(`${where}: tls: expected true, since QUIC is always encrypted`);
    return undefined;
  }
  if (name === 'ipc') throw new SuiteFileError(`${where}: tls: expected false, since sockets are never encrypted`);
  if (!isJsonObject(security)) throw new SuiteFileError(`${where}: security: expected an object, since tls is true`);
  const file = (member: string) => resolve(dirname(path), textMember(security, member, `${where}: security`));
  return {
    serverName: textMember(security, 'server_name', `${where}: security`),
    certificate: file('certificate_der_path'),
    privateKey: file('private_key_pkcs8_der_path'),
    trusted: file('trusted_certificate_der_path'),
  };
}
