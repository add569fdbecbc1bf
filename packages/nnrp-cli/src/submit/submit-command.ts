import { createReadStream } from 'node:fs';
import type { Command } from 'commander';
import { isPeerError } from 'nnrp-core';
import { InFlightPolicy } from 'nnrp-core/preview3';
import type { NnrpClient, NnrpClientSession } from 'nnrp-runtime';
import { type CliIo, readFully } from '../cli-io.js';
import { CommandUsageError, ExitCode } from '../exit-code.js';
import { alpnOption } from '../options/alpn.js';
import { milliseconds } from '../options/milliseconds.js';
import { type ClientRevision, revisionOption } from '../options/revision.js';
import { seconds } from '../options/seconds.js';
import { wholeNumber } from '../options/whole-number.js';
import { LimitedLog } from '../serve/limited-log.js';
import { writeLine } from '../terminal-text.js';
import { addAddress, DEFAULT_ADDRESS, type TransportFlags } from '../transport/addresses.js';
import { bodyOutput } from './body-output.js';
import { connectClient } from './connect-client.js';
import { giveUpWhenLeft } from './give-up.js';
import { showProgress } from './progress.js';
import { SubmitRun } from './submit-run.js';

interface SubmitOptions extends TransportFlags {
  readonly to?: readonly string[];
  readonly file?: string;
  readonly count: number;
  readonly inFlight: number;
  readonly timeout: number;
  readonly deadline: number;
  readonly output?: boolean;
  readonly revision: ClientRevision;
}

/** Milliseconds that a server gets to confirm the close of a session whose answers are in, or are not waited for. */
const CLOSE_TIMEOUT_MS = 1000;
/** A server that takes a packet of this length has been told to. */
const MOST_BODY_BYTES = 1024 * 1024 * 1024;
const ERASE_LINE = '\r\x1b[K';
const count = wholeNumber(1, 0xfffffffe);

/** Adds `nnrp submit`. */
export function addSubmitCommand(program: Command, io: CliIo, done: (code: ExitCode) => void): void {
  program
    .command('submit')
    .description('submit a text or a file to a server and wait for the results')
    .argument('[text]', "what to submit; '-' reads standard input")
    .option(
      '-t, --to <address>',
      'HOST:PORT of the server, or a URL: nnrp://, nnrps://, nnrp+quic://, ws://, wss://, unix:/path; given several times, ' +
        `the first that can be connected to (default: ${DEFAULT_ADDRESS})`,
      addAddress,
    )
    .option('-f, --file <file>', 'submit the bytes of a file')
    .option('-n, --count <n>', 'submit as often', count, 1)
    .option('--in-flight <n>', 'submits in progress at once; the server may allow fewer', count, 4)
    .option('--timeout <seconds>', 'give up when nothing comes for so long', seconds, 30)
    .option('--deadline <ms>', 'let the server drop what takes it longer; 0 = it may take any time', milliseconds, 0)
    .option('--tls', 'HOST:PORT speaks TLS; the server must have a certificate that leads to a root of the platform')
    .option('--ca <file>', 'trust these roots instead; without --quic, HOST:PORT speaks TLS')
    .option('--cert <file>', 'certificate of the client; without --quic, HOST:PORT speaks TLS')
    .option('--key <file>', 'private key of that certificate')
    .option('--quic', "HOST:PORT speaks QUIC; 'nnrp serve --quic' of the same user and machine is trusted by itself")
    .option('--insecure', 'take any certificate: anyone between client and server can then read and change everything')
    .addOption(alpnOption())
    .addOption(revisionOption())
    .option('-o, --output', 'write what the first submit results in to standard output; the summary goes to stderr')
    .addHelpText(
      'after',
      `
The exit code is 0 when every submit has its result, and 1 when one was dropped, is not successful or has none.
Results with status 0 (success), 1 (degraded) and 200 are successful. Errors that the server reports go to stderr.
A signal, or the end of the process that reads the output (| head), ends the work on the server, too.

Examples:
  $ nnrp submit 'How many tokens is this?' --output
  $ nnrp submit --to 10.0.0.7:4433 --file prompt.txt --count 10000 --in-flight 16
  $ nnrp submit --to inference.example:4433 --ca root.pem --deadline 2000 hello
  $ nnrp submit --to wss://inference.example/nnrp --to nnrps://inference.example:4433 hello
  $ nnrp submit --to unix:/run/user/1000/nnrp.sock hello
  $ nnrp submit --quic hello --output
  $ nnrp submit --to 10.0.0.7:4433 --revision preview4 hello
  $ git diff | nnrp submit - --output`,
    )
    .action(async (text: string | undefined, options: SubmitOptions) => {
      done(await submit(await bodyOf(text, options.file, io), options, io));
    });
}

async function submit(body: Uint8Array, options: SubmitOptions, io: CliIo): Promise<ExitCode> {
  const { count: wanted, output = false } = options;
  const timeoutMs = Math.ceil(options.timeout * 1000);
  const client = await connectClient(options.to ?? [DEFAULT_ADDRESS], options, {
    connectTimeoutMs: timeoutMs,
    openTimeoutMs: timeoutMs,
    closeTimeoutMs: Math.min(timeoutMs, CLOSE_TIMEOUT_MS),
    revision: options.revision,
  });
  const log = new LimitedLog(io.stderr);
  const tell = (text: string) => {
    // A progress bar may stand on the line.
    if (io.stderr.isTTY) io.stderr.write(ERASE_LINE);
    log.line(`nnrp: ${text}`);
  };
  let isLeft = false;
  // What is given up is reported as aborted: that is what was asked for.
  client.on('peerError', ({ error }) => {
    if (!isLeft) tell(error.message);
  });
  client.on('suspended', ({ error }) => tell(`away: ${error.message}`));
  client.on('resumed', ({ awayMs, replayed }) => {
    tell(`back after ${Math.round(awayMs)} ms; packets sent again: ${replayed}`);
  });
  const forget = giveUpWhenLeft(() => {
    isLeft = true;
    return client.close({ inFlightPolicy: InFlightPolicy.Abort });
  });
  try {
    const session = await open(client, options.deadline);
    const limit = session.ack.maxInFlightOperations;
    if (limit > 0 && limit < options.inFlight && wanted > limit) {
      writeLine(
        io.stderr,
        `the server allows ${limit} submits in flight: --in-flight ${options.inFlight} is cut to that`,
      );
    }
    const run = new SubmitRun(session, { body, count: wanted, inFlight: options.inFlight, timeoutMs });
    if (output) run.firstResults = bodyOutput(io.stdout, session.revision);
    const hideProgress = showProgress(run, wanted, io.stderr);
    const failure = await run.finish();
    hideProgress();
    if (isLeft) return ExitCode.Failed;
    (output ? io.stderr : io.stdout).write(`${run.summary()}\n`);
    if (failure !== undefined) writeLine(io.stderr, `nnrp: ${failure}`);
    // What is given up gets no time: the one that calls has waited long enough.
    const inFlightPolicy = failure === undefined ? InFlightPolicy.Drain : InFlightPolicy.Abort;
    await session.close({ inFlightPolicy }).catch((error: Error) => {
      writeLine(io.stderr, `nnrp: the server did not confirm the close: ${error.message}`);
    });
    return failure === undefined ? ExitCode.Ok : ExitCode.Failed;
  } finally {
    await client.close();
    forget();
    log.end();
  }
}

async function open(client: NnrpClient, defaultDeadlineMs: number): Promise<NnrpClientSession> {
  try {
    return await client.openSession({ maxInFlightOperations: 0, defaultDeadlineMs });
  } catch (error) {
    // What the server says needs no code of ours in front.
    throw isPeerError(error) ? new Error(error.rawMessage, { cause: error }) : error;
  }
}

async function bodyOf(text: string | undefined, file: string | undefined, io: CliIo): Promise<Uint8Array> {
  if (text !== undefined && file !== undefined) throw new CommandUsageError('give a text or --file, not both');
  if (file !== undefined) {
    return readFully(createReadStream(file), MOST_BODY_BYTES).catch((error: Error) => {
      const why = error.message.replace('cannot read standard input: ', '');
      throw new Error(`cannot read ${file}: ${why}`, { cause: error });
    });
  }
  if (text === undefined) throw new CommandUsageError("nothing to submit: give a text, --file or '-'");
  return text === '-' ? readFully(io.stdin, MOST_BODY_BYTES) : Buffer.from(text, 'utf8');
}
