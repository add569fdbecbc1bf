import type { Command } from 'commander';
import type { CliIo } from '../cli-io.js';
import { ExitCode } from '../exit-code.js';
import { terminalJson } from '../json-text.js';
import { seconds } from '../options/seconds.js';
import { writeLine } from '../terminal-text.js';
import { adminTarget, askAdmin } from './admin-client.js';
import { type ServerStatus, statusLines } from './status-text.js';

interface StatusOptions {
  readonly json?: boolean;
  readonly token?: string;
  readonly timeout: number;
}

/** Adds `nnrp status`. */
export function addStatusCommand(program: Command, io: CliIo, done: (code: ExitCode) => void): void {
  program
    .command('status')
    .description("say what a server does, by its operators' port")
    .argument('<url>', "HOST:PORT or URL of the operators' port, see 'nnrp serve --admin'")
    .option('--token <file>', 'a file with the token of that port')
    .option('--timeout <seconds>', 'give up after so long', seconds, 5)
    .option('--json', 'print the whole answer as JSON')
    .addHelpText(
      'after',
      `
The exit code is 0 while the server takes sessions, and 1 when it drains or does not answer.

Examples:
  $ nnrp status 127.0.0.1:9090
  $ nnrp status https://node-7.example/ --token token.txt --json`,
    )
    .action(async (url: string, { token, timeout, json = false }: StatusOptions) => {
      const target = adminTarget(url, token, Math.ceil(timeout * 1000));
      const status = await askAdmin<ServerStatus>(target, '/status');
      const lines = statusLines(status);
      if (json) io.stdout.write(`${terminalJson(JSON.stringify(status))}\n`);
      else for (const line of lines) writeLine(io.stdout, line);
      done(status.state === 'closing' ? ExitCode.Failed : ExitCode.Ok);
    });
}
