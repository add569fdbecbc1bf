import { setTimeout as passing } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import { type CliIo, writeFully } from '../cli-io.js';
import { ExitCode } from '../exit-code.js';
import { terminalJson } from '../json-text.js';
import { seconds } from '../options/seconds.js';
import { wholeNumber } from '../options/whole-number.js';
import { errorText, printableLines, writeLine } from '../terminal-text.js';
import { type AdminTarget, adminTarget, askAdmin } from './admin-client.js';
import { fitted, type Screen, type ServerStatus, type SessionList, sessionLines, statusLines } from './status-text.js';

interface TopOptions {
  readonly json?: boolean;
  readonly once?: boolean;
  readonly token?: string;
  readonly timeout: number;
  readonly interval: number;
  readonly limit: number;
  readonly sort: string;
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
const SORTS = ['inFlight', 'ageMs', 'queuedSubmits', 'outboxBytes', 'roundTripMs', 'operations', 'drops'];
const CLEAR = '\u001b[H\u001b[J';

/** Adds `nnrp top`. */
export function addTopCommand(program: Command, io: CliIo, done: (code: ExitCode) => void): void {
  program
    .command('top')
    .description("watch the sessions of a server, by its operators' port")
    .argument('<url>', "HOST:PORT or URL of the operators' port, see 'nnrp serve --admin'")
    .option('--token <file>', 'a file with the token of that port')
    .option('--timeout <seconds>', 'give up after so long', seconds, 5)
    .option('-i, --interval <seconds>', 'ask again so long after an answer', seconds, 1)
    .option('-n, --limit <n>', 'how many sessions to show', wholeNumber(1, 200), 20)
    .addOption(new Option('--sort <field>', 'the most of it first').choices(SORTS).default('inFlight'))
    .option('--once', 'print one table')
    .option('--json', 'print a line of JSON for each answer')
    .addHelpText(
      'after',
      `
On a terminal the table is drawn again in place; elsewhere one follows the other. A server that goes is asked again until it is back.
A signal ends it.

Examples:
  $ nnrp top 127.0.0.1:9090
  $ nnrp top 127.0.0.1:9090 --once --sort outboxBytes`,
    )
    .action(async (url: string, options: TopOptions) => {
      await top(adminTarget(url, options.token, Math.ceil(options.timeout * 1000)), options, io);
      done(ExitCode.Ok);
    });
}

async function top(target: AdminTarget, options: TopOptions, io: CliIo): Promise<void> {
  const { sort, limit, interval, once = false, json = false } = options;
  const ended = new AbortController();
  const end = () => ended.abort();
  for (const signal of SIGNALS) process.once(signal, end);
  const inPlace = io.stdout.isTTY === true && !json && !once;
  /** The server does not answer, and that was told. */
  let isSilent = false;
  const ask = async (): Promise<string> => {
    const status = await askAdmin<ServerStatus>(target, '/status');
    const list = await askAdmin<SessionList>(target, `/sessions?descending=true&sort=${sort}&limit=${limit}`);
    if (json) return terminalJson(JSON.stringify({ status, sessions: list }));
    const lines = [...statusLines(status), '', ...sessionLines(list)];
    const table = printableLines(lines.map(oneLine).join('\n'));
    return inPlace ? fitted(table.split('\n'), io.stdout as Screen).join('\n') : table;
  };
  try {
    for (let isFirst = true; !ended.signal.aborted; isFirst = false) {
      // One that has answered is restarted, as a rule.
      const text = await ask().catch((error: unknown) => {
        if (isFirst) throw error;
        if (!isSilent) writeLine(io.stderr, `nnrp: ${errorText(error)}; asking again`);
        isSilent = true;
        return undefined;
      });
      if (text !== undefined) {
        isSilent = false;
        await writeFully(io.stdout, `${inPlace ? CLEAR : ''}${text}\n`);
      }
      if (once) return;
      await passing(Math.ceil(interval * 1000), undefined, { signal: ended.signal }).catch(() => {});
    }
  } finally {
    for (const signal of SIGNALS) process.off(signal, end);
  }
}

/** What a peer has put into it makes no line of its own. */
function oneLine(text: string): string {
  return text.replaceAll('\n', '\\n');
}
