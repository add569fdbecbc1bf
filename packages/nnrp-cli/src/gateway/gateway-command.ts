import type { Command } from 'commander';
import { isNnrpError } from 'nnrp-core';
import type { CliIo } from '../cli-io.js';
import { CommandUsageError, type ExitCode } from '../exit-code.js';
import { alpnOption } from '../options/alpn.js';
import { milliseconds } from '../options/milliseconds.js';
import { addOperatorOptions } from '../serve/admin-port.js';
import type { ServerFile } from '../serve/config/server-file.js';
import { drainOnClose } from '../serve/process/drain-on-close.js';
import { type RunFlags, runServer } from '../serve/run-server.js';
import { addAddress, DEFAULT_ADDRESS } from '../transport/addresses.js';
import { connections } from './connections.js';
import { readHeaders, readKeys } from './secret-file.js';

interface GatewayOptions extends RunFlags {
  readonly upstream: string;
  readonly apiKeyFile?: string;
  readonly model?: string;
  readonly headersFile?: string;
  /** False leaves what streams are asked for to their clients. */
  readonly usage: boolean;
  readonly maxConnections?: number;
}

/** Work waits at the model server, not for a place here. */
const IN_FLIGHT = 1024;
/** What a file for `nnrp serve` may say, and one for the gateway may not. */
const HANDLER_OPTIONS = ['module', 'handler', 'reload'] as const;

/** Adds `nnrp gateway`. */
export function addGatewayCommand(program: Command, io: CliIo, done: (code: ExitCode) => void): void {
  const command = program
    .command('gateway')
    .description('serve a model server that speaks OpenAI-compatible HTTP over NNRP, until SIGINT or SIGTERM')
    .requiredOption('-u, --upstream <url>', 'where its interface begins, such as http://127.0.0.1:8000/v1')
    .option(
      '-l, --listen <address>',
      `HOST:PORT, where port 0 takes a free one, or a URL; may be given several times (default: ${DEFAULT_ADDRESS})`,
      addAddress,
    )
    .option('--api-key-file <file>', 'key for the model server, alone in a file')
    .option('--headers-file <file>', 'further headers for the model server, one NAME: TEXT a line')
    .option('--no-usage', 'do not ask streams for their usage, for model servers that refuse stream_options')
    .option('--model <name>', 'model that is asked for, whatever requests name')
    .option('--max-connections <n>', 'connections to the model server at once; default 128', connections)
    .option(
      '--resume-window <ms>',
      'how long sessions outlive their connection; default 120000, 0 = not at all',
      milliseconds,
    )
    .option('-c, --config <file>', 'JSON file with options of the server')
    .option('--cert <file>', 'certificate of the server, then those that lead to its root; HOST:PORT speaks TLS then')
    .option('--key <file>', 'private key of that certificate')
    .option('--ca <file>', 'take only clients whose certificates lead to one of these')
    .option('--quic', 'HOST:PORT speaks QUIC')
    .addOption(alpnOption());
  addOperatorOptions(command)
    .addHelpText(
      'after',
      `
Clients use the profile openai-compatible/1: 'nnrp openai' for those that speak HTTP, chat() of nnrp-runtime/calls for others.
Addresses, the port for operators and what is printed are those of 'nnrp serve'. A session may have 1024 operations in flight, unless --config says
otherwise.

Examples:
  $ nnrp gateway --upstream http://127.0.0.1:8000/v1
  $ nnrp gateway --upstream https://api.example.com/v1 --api-key-file key.txt --listen unix:/run/user/1000/nnrp.sock
  $ nnrp gateway --upstream 'https://mine.openai.azure.com/openai/deployments/gpt?api-version=2024-10-21' --headers-file headers.txt
  $ nnrp gateway --upstream http://127.0.0.1:11434/v1 --model llama3.2 --listen nnrps://0.0.0.0:4433 --cert server.pem --key server.key`,
    )
    .action(async (options: GatewayOptions) => {
      done(await gateway(options, io));
    });
}

async function gateway(options: GatewayOptions, io: CliIo): Promise<ExitCode> {
  const { upstream, apiKeyFile, headersFile, model, maxConnections, usage } = options;
  const credentials = (silenceMs?: number) => ({
    apiKey: apiKeyFile === undefined ? undefined : oneKey(apiKeyFile, silenceMs),
    headers: headersFile === undefined ? undefined : readHeaders('--headers-file', headersFile, silenceMs),
  });
  const { apiKey, headers } = credentials();
  const { openAiHandler } = await import('nnrp-openai');
  const handler = explained(() =>
    openAiHandler({ baseUrl: upstream, apiKey, headers, model, maxConnections, includeUsage: usage }),
  );
  const module = {
    isWatched: false,
    secrets: [
      {
        what: 'the credentials',
        files: [apiKeyFile, headersFile].flatMap((path) => path ?? []),
        renew: () => explained(() => handler.renew(credentials(0))),
      },
    ],
    handlers: { submit: handler.submit, close: drainOnClose },
    reload: async () => {},
    close: () => {},
  };
  const handlers = async ({ command }: ServerFile) => {
    const named = HANDLER_OPTIONS.find((option) => command[option] !== undefined);
    if (named !== undefined)
      throw new CommandUsageError(`${options.config}: ${named}: the gateway has a handler of its own; leave it out`);
    return module;
  };
  try {
    return await runServer(options, { handlers, defaults: { maxInFlightOperations: IN_FLIGHT } }, io);
  } finally {
    await handler.destroy();
  }
}

function oneKey(path: string, silenceMs: number | undefined): string {
  const [key = '', ...more] = readKeys('--api-key-file', path, silenceMs);
  if (more.length > 0)
    throw new CommandUsageError(`--api-key-file ${path}: it has ${more.length + 1} keys, and takes one`);
  return key;
}

/** What the options of the handler are called here. */
const FLAGS = [
  ['baseUrl', '--upstream'],
  ['model', '--model'],
  ['headers', '--headers-file'],
] as const;

function explained<T>(build: () => T): T {
  try {
    return build();
  } catch (error) {
    if (!isNnrpError(error, 'NNRP_ERR_USAGE')) throw error;
    const text = error.rawMessage.replace(/^openAiHandler: /, '');
    const [name, flag] = FLAGS.find(([option]) => text.startsWith(option)) ?? ['', ''];
    throw new CommandUsageError(`${flag}${text.slice(name.length)}`);
  }
}
