import { parseArgs } from 'node:util';
import type { FramedTransport } from 'nnrp-runtime/transport';
import type { CliIo } from '../cli-io.js';
import { ExitCode } from '../exit-code.js';
import { guardProcess } from '../guard-process.js';
import { isUsageError, reportFailure } from '../report-failure.js';
import { errorText, writeLine } from '../terminal-text.js';
import { type Address, DEFAULT_ADDRESS, readAddresses, type TransportFlags } from '../transport/addresses.js';
import { type ClientTransports, clientTransports } from '../transport/client-transports.js';
import { loadTransports } from '../transport/load-transports.js';
import { connectorTo } from './connector.js';
import { OF_A_PROBE } from './of-a-probe.js';
import { PingStatistics } from './ping-statistics.js';
import { roundTrip } from './round-trip.js';

const FLAG = { type: 'boolean' } as const;
const TEXT = { type: 'string' } as const;
const OPTIONS = { probe: FLAG, tls: FLAG, quic: FLAG, insecure: FLAG, ca: TEXT, cert: TEXT, key: TEXT } as const;
const TIMEOUT_MS = OF_A_PROBE.timeout * 1000;

/**
 * `nnrp ping --probe`, by itself: one ping, without a client and the rest of the command line. Bundled as dist/probe.cjs. What it
 * says, and its exit code, are those of the command.
 *
 * @param args - beginning with `ping`
 * @returns the exit code; undefined when the arguments are for the whole command, and nothing was done
 */
export async function probe(args: readonly string[], io: CliIo): Promise<ExitCode | undefined> {
  const request = readRequest(args);
  if (request === undefined) return undefined;
  guardProcess();
  try {
    const [address] = readAddresses([request.address], request.flags);
    const transports = clientTransports([address!], request.flags);
    return await pingOnce(address!, transports, io);
  } catch (error) {
    return reportFailure(error, io);
  }
}

function readRequest(
  args: readonly string[],
): { readonly address: string; readonly flags: TransportFlags } | undefined {
  try {
    const { values, positionals } = parseArgs({ args: args.slice(1), options: OPTIONS, allowPositionals: true });
    const [address = DEFAULT_ADDRESS] = positionals;
    const { probe: isProbe, ...flags } = values;
    return isProbe && positionals.length <= 1 ? { address, flags } : undefined;
  } catch {
    // Other options, or a mistake: the command knows what to say.
    return undefined;
  }
}

async function pingOnce(address: Address, transports: ClientTransports, io: CliIo): Promise<ExitCode> {
  const statistics = new PingStatistics();
  try {
    const transport = await connect(address, transports);
    try {
      statistics.answer(await roundTrip(transport, TIMEOUT_MS));
    } catch (error) {
      // A peer that does not answer may not answer the end of the connection either: close() would wait for it.
      transport.abort();
      throw error;
    } finally {
      await transport.close();
    }
  } catch (error) {
    if (isUsageError(error)) throw error;
    statistics.lost++;
    writeLine(io.stderr, `nnrp: ping 1 is lost: ${errorText(error)}`);
  }
  writeLine(io.stdout, statistics.summary());
  return statistics.lost === 0 ? ExitCode.Ok : ExitCode.Failed;
}

async function connect(address: Address, { transports, explain }: ClientTransports): Promise<FramedTransport> {
  await loadTransports([address]);
  try {
    const connector = await connectorTo(address, transports[address.scheme] ?? {}, TIMEOUT_MS);
    return await connector.connect();
  } catch (error) {
    throw explain(error);
  }
}
