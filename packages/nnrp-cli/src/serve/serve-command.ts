import { type Command, Option } from 'commander';
import type { CliIo } from '../cli-io.js';
import type { ExitCode } from '../exit-code.js';
import { alpnOption } from '../options/alpn.js';
import { milliseconds } from '../options/milliseconds.js';
import { addAddress, DEFAULT_ADDRESS } from '../transport/addresses.js';
import { addOperatorOptions } from './admin-port.js';
import { type HandlerFlags, namedHandlers } from './named-handlers.js';
import { type RunFlags, runServer } from './run-server.js';

/** Adds `nnrp serve`. */
export function addServeCommand(program: Command, io: CliIo, done: (code: ExitCode) => void): void {
  const command = program
    .command('serve')
    .description('serve sessions over TCP, TLS, QUIC, WebSocket or a Unix socket until SIGINT or SIGTERM')
    .argument(
      '[module]',
      'JavaScript or TypeScript whose default export is a handler of submits, or an object of handlers',
    )
    .option(
      '-l, --listen <address>',
      `HOST:PORT, where port 0 takes a free one, or a URL; may be given several times (default: ${DEFAULT_ADDRESS})`,
      addAddress,
    )
    .addOption(
      new Option('--handler <name>', 'how submits are answered without a module (default: echo)').choices([
        'echo',
        'tokens',
      ]),
    )
    .option('--reload', 'read the module again when it changes, or what it imports of its project')
    .option(
      '--resume-window <ms>',
      'how long sessions outlive their connection; default 120000, 0 = not at all',
      milliseconds,
    )
    .option(
      '-c, --config <file>',
      'JSON file with listeners, certificates, module and options of the server; options here win',
    )
    .option('--cert <file>', 'certificate of the server, then those that lead to its root; HOST:PORT speaks TLS then')
    .option('--key <file>', 'private key of that certificate')
    .option('--ca <file>', 'take only clients whose certificates lead to one of these')
    .option(
      '--quic',
      'HOST:PORT speaks QUIC; without --cert, with a self-signed certificate for localhost, 127.0.0.1 and ::1',
    )
    .addOption(alpnOption());
  addOperatorOptions(command)
    .addHelpText(
      'after',
      `
Handlers:
  echo    one result for each submit, with the same body
  tokens  takes the body as UTF-8 text and streams its o200k_base tokens as token-delta results
A module has handlers of your own, as 'server.serve' of nnrp-runtime takes them: export default ({ body }) => body.
TypeScript needs Node.js 22.18, or tsx in the project of the module.

Addresses are nnrp://HOST:PORT (TCP), nnrps:// (TLS), nnrp+quic://, ws://HOST:PORT/path, wss:// (WebSocket) and
unix:/path. All or none are listened on; then a line for each is printed: 'listening tcp HOST:PORT', 'listening tls',
'listening quic', 'listening websocket URL' or 'listening ipc PATH'. nnrps://, wss://, and nnrp+quic:// beyond this
machine, need --cert and --key. The first signal closes gracefully, the second at once.

Where 'nnrp serve --quic' has made its certificate itself, it leaves a copy in a folder of this user until it ends, and
prints the path. 'nnrp submit --quic' looks there, so the two find and verify each other without further options.

With --admin a line 'admin HOST:PORT' is printed. /readyz is 503 from the first signal on.

Examples:
  $ nnrp serve
  $ nnrp serve --listen 0.0.0.0:4433 --handler tokens
  $ nnrp serve ./handlers.js --reload
  $ nnrp serve --cert server.pem --key server.key
  $ nnrp serve --listen unix:/run/user/1000/nnrp.sock --listen ws://127.0.0.1:8080/nnrp
  $ nnrp serve --listen nnrps://0.0.0.0:4433 --listen wss://0.0.0.0:8443/nnrp --cert server.pem --key server.key
  $ nnrp serve --admin 127.0.0.1:9090
  $ nnrp serve --quic
  $ nnrp serve --quic --listen 0.0.0.0:4433 --cert server.pem --key server.key
  $ echo '{"max_in_flight_operations": 64, "schemas": [[4097, 3]]}' > server.json && nnrp serve --config server.json`,
    )
    .action(async (module: string | undefined, flags: RunFlags & HandlerFlags) => {
      done(await runServer(flags, { handlers: (file) => namedHandlers(module, flags, file, io) }, io));
    });
}
