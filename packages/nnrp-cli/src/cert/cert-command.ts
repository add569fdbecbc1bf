import { isIP } from 'node:net';
import { type Command, InvalidArgumentError } from 'commander';
import { printable } from 'nnrp-core';
import type { CliIo } from '../cli-io.js';
import { ExitCode } from '../exit-code.js';
import { wholeNumber } from '../options/whole-number.js';
import { writeLine } from '../terminal-text.js';
import { selfSigned } from './self-signed.js';
import { dnsName } from './subject-names.js';
import { writeFiles } from './write-files.js';

interface CertOptions {
  readonly name?: readonly string[];
  readonly ip?: readonly string[];
  readonly days: number;
  readonly client?: boolean;
  readonly cert?: string;
  readonly key?: string;
  readonly force?: boolean;
}

const LOCAL_NAMES = ['localhost'];
const LOCAL_ADDRESSES = ['127.0.0.1', '::1'];
const MAX_DAYS = 3650;
const MAX_SHOWN_BYTES = 100;
const CERTIFICATE_MODE = 0o644;
const KEY_MODE = 0o600;

/** Adds `nnrp cert`. */
export function addCertCommand(program: Command, io: CliIo, done: (code: ExitCode) => void): void {
  program
    .command('cert')
    .description('make a certificate for development, for TLS, QUIC and WebSocket, and its key')
    .option('-n, --name <name>', 'DNS name that it is for; may be given several times (default: localhost)', addName)
    .option('--ip <address>', 'IP address that it is for; the same (default: 127.0.0.1 and ::1)', addAddress)
    .option('-d, --days <n>', 'days that it is valid from now', wholeNumber(1, MAX_DAYS), 30)
    .option('--client', 'make that of a client, whose --name says who it is')
    .option('--cert <file>', 'where the certificate goes (default: server.pem, or client.pem)')
    .option('--key <file>', 'where its key goes, for this user alone (default: server.key, or client.key)')
    .option('-f, --force', 'replace files that exist')
    .addHelpText(
      'after',
      `
The certificate vouches for itself: the other end trusts it by --ca. With --name or --ip it is for these alone. It is for
development: it cannot be revoked, and any process that has its key can pose as the server.

Examples:
  $ nnrp cert && nnrp serve --cert server.pem --key server.key
  $ nnrp ping --ca server.pem 127.0.0.1:4433
  $ nnrp cert --name inference.test --name '*.inference.test' --ip 10.0.0.7 --days 7
  $ nnrp cert --client --name 'worker 7' && nnrp serve --cert server.pem --key server.key --ca client.pem`,
    )
    .action((options: CertOptions) => {
      done(makeCertificate(options, io));
    });
}

function makeCertificate(options: CertOptions, io: CliIo): ExitCode {
  const { name, ip, days, client = false, force = false } = options;
  const isOpen = name === undefined && ip === undefined && !client;
  const given = name ?? (isOpen ? LOCAL_NAMES : []);
  const names = given.flatMap((text) => dnsName(text) ?? []);
  const addresses = ip ?? (isOpen ? LOCAL_ADDRESSES : []);
  // Clients compare the name of a server with its address. The name of a client is compared with nothing.
  const wrong = client ? undefined : given.find((text) => dnsName(text) === undefined);
  if (wrong !== undefined) {
    const hint = isIP(wrong) === 0 ? '' : '; --ip takes addresses';
    writeLine(io.stderr, `nnrp: --name ${printable(wrong, MAX_SHOWN_BYTES)}: is no DNS name${hint}`);
    return ExitCode.Usage;
  }
  const use = client ? 'client' : 'server';
  const commonName = given[0] ?? addresses[0] ?? use;
  const made = selfSigned({ commonName, names, addresses, days, use }, new Date());
  const certificate = { option: '--cert', path: options.cert ?? `${use}.pem`, text: made.certificate };
  const key = { option: '--key', path: options.key ?? `${use}.key`, text: made.key };
  writeFiles(
    [
      { ...key, mode: KEY_MODE },
      { ...certificate, mode: CERTIFICATE_MODE },
    ],
    force,
  );
  const subjects = client ? [commonName] : [...names, ...addresses];
  const until = made.validTo.toISOString().slice(0, 10);
  writeLine(
    io.stdout,
    `certificate ${certificate.path}: of a ${use}, for ${subjects.join(', ')}, valid until ${until}`,
  );
  writeLine(io.stdout, `key ${key.path}: for this user alone`);
  return ExitCode.Ok;
}

/** The common name of a certificate has 64 characters at most; longer ones are cut off by some, and refused by others. */
const MAX_COMMON_NAME = 64;

function addName(text: string, before: readonly string[] | undefined): readonly string[] {
  if (text === '') throw new InvalidArgumentError('Takes a name.');
  if (before === undefined && text.length > MAX_COMMON_NAME)
    throw new InvalidArgumentError(`The first name has ${MAX_COMMON_NAME} characters at most.`);
  return [...(before ?? []), text];
}

function addAddress(text: string, before: readonly string[] | undefined): readonly string[] {
  if (isIP(text) === 0 || text.includes('%')) throw new InvalidArgumentError('Takes an IPv4 or IPv6 address.');
  return [...(before ?? []), text];
}
