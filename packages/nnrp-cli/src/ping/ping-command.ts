import { type Command, Option } from 'commander';
import type { CliIo } from '../cli-io.js';
import { CommandUsageError, ExitCode } from '../exit-code.js';
import { alpnOption } from '../options/alpn.js';
import { seconds } from '../options/seconds.js';
import { wholeNumber } from '../options/whole-number.js';
import { writeLine } from '../terminal-text.js';
import { DEFAULT_ADDRESS, readAddresses, type TransportFlags } from '../transport/addresses.js';
import { clientTransports } from '../transport/client-transports.js';
import { loadTransports } from '../transport/load-transports.js';
import { connectLink } from './link.js';
import { linkFacts } from './link-facts.js';
import { OF_A_PROBE } from './of-a-probe.js';
import { PingRun } from './ping-run.js';

interface PingOptions extends TransportFlags {
  readonly count: number;
  readonly interval: number;
  readonly timeout: number;
  readonly quiet?: boolean;
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** Adds `nnrp ping`. */
export function addPingCommand(program: Command, io: CliIo, done: (code: ExitCode) => void): void {
  program
    .command('ping')
    .description('measure round trips to a server, and show what the connection is')
    .argument('[address]', `HOST:PORT of the server, or a URL (default: ${DEFAULT_ADDRESS})`)
    .option('-n, --count <n>', 'send as many; 0 = until a signal comes', wholeNumber(0, 0xffffffff), 4)
    .option('-i, --interval <seconds>', 'wait so long between two of them', seconds, 1)
    .option('--timeout <seconds>', 'give up a connection, or an answer, after so long', seconds, 5)
    .option('-q, --quiet', 'print the summary alone')
    .addOption(
      new Option('--probe', 'the same as --count 1 --timeout 2 --quiet: for health checks').implies(OF_A_PROBE),
    )
    .option('--tls', 'HOST:PORT speaks TLS; the server must have a certificate that leads to a root of the platform')
    .option('--ca <file>', 'trust these roots instead; without --quic, HOST:PORT speaks TLS')
    .option('--cert <file>', 'certificate of the client; without --quic, HOST:PORT speaks TLS')
    .option('--key <file>', 'private key of that certificate')
    .option('--quic', "HOST:PORT speaks QUIC; 'nnrp serve --quic' of the same user and machine is trusted by itself")
    .option('--insecure', 'take any certificate: anyone between client and server can then read and change everything')
    .addOption(alpnOption())
    .addHelpText(
      'after',
      `
The exit code is 0 when every ping was answered, and 1 when one was lost: 'nnrp ping --probe URL' is a health check. No
session is opened, so that no token is needed. A server that closes gracefully takes no new connections, and is not ready by this probe.

Examples:
  $ nnrp ping
  $ nnrp ping --probe unix:/run/nnrp.sock
  $ nnrp ping nnrps://inference.example:4433 --ca root.pem
  $ nnrp ping --quic 127.0.0.1:4433
  $ nnrp ping wss://inference.example/nnrp --count 0`,
    )
    .action(async (address: string | undefined, options: PingOptions) => {
      done(await ping(address ?? DEFAULT_ADDRESS, options, io));
    });
}

async function ping(given: string, options: PingOptions, io: CliIo): Promise<ExitCode> {
  const { count, interval, quiet = false, insecure = false } = options;
  const [address] = readAddresses([given], options);
  if (address === undefined) throw new CommandUsageError('nothing to ping; add --help for examples');
  const timeoutMs = Math.ceil(options.timeout * 1000);
  const transports = clientTransports([address], options);
  await loadTransports([address]);
  const ended = new AbortController();
  const end = () => ended.abort(new Error('a signal has come'));
  for (const signal of SIGNALS) process.once(signal, end);
  const say = (line: string) => {
    if (!quiet) writeLine(io.stdout, line);
  };
  const run = new PingRun({
    count,
    intervalMs: Math.ceil(interval * 1000),
    timeoutMs,
    signal: ended.signal,
    connect: () => connectLink(address, transports, timeoutMs, ended.signal),
    connected: (link) => linkFacts(address, link, !insecure).forEach(say),
    answered: say,
    lost: (line) => writeLine(io.stderr, `nnrp: ${line}`),
  });
  try {
    await run.finish();
  } finally {
    for (const signal of SIGNALS) process.off(signal, end);
  }
  writeLine(io.stdout, run.statistics.summary());
  return run.statistics.lost === 0 ? ExitCode.Ok : ExitCode.Failed;
}
