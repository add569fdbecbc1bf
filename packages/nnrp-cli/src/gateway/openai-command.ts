import type { Command } from 'commander';
import { isNnrpError } from 'nnrp-core';
import type { OpenAiServer } from 'nnrp-openai';
import type { NnrpClient } from 'nnrp-runtime';
import { parseAddress } from 'nnrp-runtime/transport';
import type { CliIo } from '../cli-io.js';
import { CommandUsageError, ExitCode, isCommandUsageError } from '../exit-code.js';
import { followFiles } from '../files/followed-files.js';
import { alpnOption } from '../options/alpn.js';
import { milliseconds } from '../options/milliseconds.js';
import { type ClientRevision, revisionOption } from '../options/revision.js';
import { LimitedLog } from '../serve/limited-log.js';
import { connectionsWithin, limitsOfProcess } from '../serve/process/descriptors.js';
import { onSignals } from '../serve/process/signals.js';
import { connectClient } from '../submit/connect-client.js';
import { errorText, writeLine } from '../terminal-text.js';
import { addAddress, DEFAULT_ADDRESS, type TransportFlags } from '../transport/addresses.js';
import { readKeys } from './secret-file.js';

interface OpenAiOptions extends TransportFlags {
  readonly to?: readonly string[];
  readonly listen: string;
  readonly keys?: string;
  readonly deadline: number;
  readonly drainTimeout: number;
  readonly revision: ClientRevision;
  readonly quiet?: boolean;
}

const DEFAULT_HTTP = '127.0.0.1:8080';
const CONNECT_TIMEOUT_MS = 10_000;
/** What `createOpenAiServer` takes by default. */
const MOST_CONNECTIONS = 4096;

/** Adds `nnrp openai`. */
export function addOpenAiCommand(program: Command, io: CliIo, done: (code: ExitCode) => void): void {
  program
    .command('openai')
    .description("serve clients of OpenAI's HTTP interface by an NNRP server, until SIGINT or SIGTERM")
    .option(
      '-t, --to <address>',
      'HOST:PORT of the NNRP server, or a URL: nnrp://, nnrps://, nnrp+quic://, ws://, wss://, unix:/path; given several ' +
        `times, the first that can be connected to (default: ${DEFAULT_ADDRESS})`,
      addAddress,
    )
    .option('-l, --listen <address>', 'HOST:PORT of the HTTP server, where port 0 takes a free one', DEFAULT_HTTP)
    .option('--keys <file>', 'bearer keys that are let in, one a line; without it, everyone is')
    .option('--deadline <ms>', 'let the server drop what takes it longer; 0 = it may take any time', milliseconds, 0)
    .option('--drain-timeout <ms>', 'how long requests have to end at the first signal', milliseconds, 5000)
    .option(
      '--tls',
      '--to HOST:PORT speaks TLS; the server must have a certificate that leads to a root of the platform',
    )
    .option('--ca <file>', 'trust these roots instead; without --quic, HOST:PORT speaks TLS')
    .option('--cert <file>', 'certificate of the client; without --quic, HOST:PORT speaks TLS')
    .option('--key <file>', 'private key of that certificate')
    .option('--quic', "HOST:PORT speaks QUIC; 'nnrp gateway --quic' of the same user and machine is trusted by itself")
    .option('--insecure', 'take any certificate: anyone between client and server can then read and change everything')
    .addOption(alpnOption())
    .addOption(revisionOption())
    .option('-q, --quiet', 'do not log lost connections')
    .addHelpText(
      'after',
      `
The server serves the profile openai-compatible/1, as 'nnrp gateway' does. When HTTP is served, a line is printed:
'listening http http://HOST:PORT/v1', which is the baseURL of the openai package. A server that is not there yet is connected to
when the first request comes. HTTP is not encrypted: beyond this machine, put a proxy with TLS in front. /health answers probes
without a key. The first signal closes gracefully, the second at once.

Examples:
  $ nnrp openai --to 10.0.0.7:4433
  $ nnrp openai --to nnrps://inference.example:4433 --listen 127.0.0.1:8000 --keys keys.txt
  $ curl http://127.0.0.1:8080/v1/models`,
    )
    .action(async (options: OpenAiOptions) => {
      done(await openai(options, io));
    });
}

async function openai(options: OpenAiOptions, io: CliIo): Promise<ExitCode> {
  const log = new LimitedLog(io.stderr);
  const report = (text: string) => {
    if (!options.quiet) log.line(text);
  };
  const keys = options.keys === undefined ? undefined : readKeys('--keys', options.keys);
  checkListen(options.listen);
  const { createOpenAiServer } = await import('nnrp-openai');
  const connect = await connector(options, report);
  const fewer = connectionsWithin(limitsOfProcess(), MOST_CONNECTIONS);
  const gateway = createOpenAiServer(connect, { keys, deadlineMs: options.deadline, ...fewer });
  let forget = () => {};
  let unfollow = () => {};
  try {
    const url = await listening(gateway, options.listen);
    const closed = new Promise<void>((resolve) => {
      forget = onSignals(() => {
        if (gateway.requestCount > 0)
          report(`closing ${gateway.requestCount} requests; another signal ends them at once`);
        resolve();
      });
    });
    const { keys: file } = options;
    if (file !== undefined) {
      const renew = () => gateway.renewKeys(readKeys('--keys', file, 0));
      unfollow = followFiles([{ what: 'the keys', files: [file], renew }], io);
    }
    writeLine(io.stdout, `listening http ${url}`);
    await closed;
  } finally {
    unfollow();
    await gateway.close({ drainTimeoutMs: options.drainTimeout });
    forget();
    log.end();
  }
  return ExitCode.Ok;
}

/** Before the server is connected to, which may take its time. */
function checkListen(address: string): void {
  try {
    parseAddress(address);
  } catch (error) {
    if (!isNnrpError(error, 'NNRP_ERR_USAGE')) throw error;
    throw new CommandUsageError(`--listen ${address}: ${error.rawMessage}`);
  }
}

async function listening(gateway: OpenAiServer, address: string): Promise<string> {
  try {
    return await gateway.listen(address);
  } catch (error) {
    throw new Error(`--listen ${address}: ${errorText(error)}`, { cause: error });
  }
}

/**
 * Connects for the first time, so that options that cannot work are told at once; a server that is not there is told, too, but
 * may come later.
 *
 * @returns what connects, the first client included
 */
async function connector(options: OpenAiOptions, report: (text: string) => void): Promise<() => Promise<NnrpClient>> {
  const connect = async () => {
    const client = await connectClient(options.to ?? [DEFAULT_ADDRESS], options, {
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      revision: options.revision,
    });
    client.on('suspended', ({ error }) => report(`away: ${error.message}`));
    client.on('resumed', ({ awayMs }) => report(`back after ${Math.round(awayMs)} ms`));
    client.on('peerError', ({ error }) => report(error.message));
    return client;
  };
  let first: NnrpClient | undefined;
  try {
    first = await connect();
  } catch (error) {
    if (isCommandUsageError(error) || isNnrpError(error, 'NNRP_ERR_USAGE')) throw error;
    report(`not connected yet: ${errorText(error)}`);
  }
  return () => {
    const client = first;
    first = undefined;
    return client === undefined ? connect() : Promise.resolve(client);
  };
}
