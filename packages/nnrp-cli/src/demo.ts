import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { NnrpClient, NnrpClientSession } from 'nnrp-runtime';
import { type DemoOptions, demoOptions } from './demo/demo-options.js';
import { filePieces } from './demo/file-pieces.js';
import { ServerProcess } from './demo/server-process.js';
import { readTokens, streamPieces, TokenCount } from './demo/token-stream.js';
import { TurnWriter } from './demo/turn-writer.js';
import { ExitCode, isCommandUsageError } from './exit-code.js';
import { guardProcess } from './guard-process.js';
import { connectClient } from './submit/connect-client.js';
import { TerminalBytes } from './terminal-bytes.js';
import { errorText, printableLines, writeLine } from './terminal-text.js';

/*
 * One server, one connection, two sessions: the first streams a text file as tokens, the second asks for short texts in
 * between. The tokens are printed as they come, then the totals.
 */

const DEFAULT_FILE = fileURLToPath(new URL('../../../examples/demo-text.txt', import.meta.url));
const PIECE_BYTES = 64 * 1024;
const AHEAD = 2;
const CONNECT_TIMEOUT_MS = 10_000;
const PROMPT_EVERY_MS = 20;
const PROMPTS = [
  'Hello, world!',
  'Où est la bibliothèque ?',
  '今日はいい天気ですね。',
  '👩‍👩‍👧 + 🐈 = ❤️',
  '<|endoftext|>\r\n',
];

guardProcess();
process.exitCode = await demo(process.argv.slice(2)).catch((error: unknown) => {
  writeLine(process.stderr, `demo: ${errorText(error)}`);
  // Connection and server are still there; they go with this process.
  process.exit(isCommandUsageError(error) ? ExitCode.Usage : ExitCode.Failed);
});

async function demo(args: readonly string[]): Promise<ExitCode> {
  const options = demoOptions(args);
  const path = options.file === undefined ? DEFAULT_FILE : resolve(options.file);
  const found = await stat(path).catch((error: Error) => {
    throw new Error(`cannot read ${path}: ${error.message}`, { cause: error });
  });
  if (found.isDirectory()) throw new Error(`cannot read ${path}: it is a directory`);

  const server = await ServerProcess.start(options.quic ? ['--quic'] : []);
  const client = await connect(server.address, options);
  // A piece of text takes as long as it takes: no deadline.
  const noDeadline = { defaultDeadlineMs: 0 };
  const [text, prompts] = [await client.openSession(noDeadline), await client.openSession(noDeadline)];
  say(
    `client: one connection, session ${text.sessionId} streams ${path}, session ${prompts.sessionId} sends short texts\n`,
  );
  const [textCount, promptCount] = [new TokenCount(), new TokenCount()];

  const started = performance.now();
  const streaming = streamFile(text, path, textCount);
  const asking = askUntil(streaming, prompts, promptCount);
  await Promise.all([streaming, asking]);
  const seconds = (performance.now() - started) / 1000;

  await Promise.all([text.close(), prompts.close()]);
  await client.close();
  await server.stop();
  say(`\nsession ${text.sessionId}: ${figures(textCount, seconds)}`);
  say(`session ${prompts.sessionId}: ${figures(promptCount, seconds)}`);
  say(
    `check: ${textCount.textBytes + promptCount.textBytes} bytes came back byte-identical; sessions, connection and server are closed`,
  );
  return ExitCode.Ok;
}

/** Over QUIC the client verifies the server as `nnrp submit --quic` does. */
async function connect(address: string, { quic }: DemoOptions): Promise<NnrpClient> {
  const over = quic ? 'quic' : 'tcp';
  say(`server: nnrp serve --handler tokens${quic ? ' --quic' : ''}, process of its own, ${over} ${address}`);
  const client = await connectClient([address], { quic }, { connectTimeoutMs: CONNECT_TIMEOUT_MS });
  if (quic) say('client: has verified the self-signed certificate of the server, which is for this machine only');
  return client;
}

async function streamFile(session: NnrpClientSession, path: string, count: TokenCount): Promise<void> {
  const output = new TurnWriter(process.stdout);
  const text = process.stdout.isTTY ? new TerminalBytes() : undefined;
  const shown = (bytes: Uint8Array) => (text === undefined ? bytes : Buffer.from(text.next(bytes)));
  const rest = () => Buffer.from(text?.end() ?? '');
  await streamPieces(session, filePieces(path, PIECE_BYTES), AHEAD, count, (fragment) => output.write(shown(fragment)));
  await output.write(rest());
  await output.flush();
}

/** Sends every prompt once, and goes on until the other work is done. */
async function askUntil(work: Promise<void>, session: NnrpClientSession, count: TokenCount): Promise<void> {
  let over = false;
  const wake = work.then(
    () => {
      over = true;
    },
    () => {
      over = true;
    },
  );
  for (let index = 0; !over || index < PROMPTS.length; index++) {
    const prompt = Buffer.from(PROMPTS[index % PROMPTS.length] ?? '');
    await readTokens(await session.submit(prompt), prompt, count);
    await Promise.race([wake, new Promise((wakeUp) => setTimeout(wakeUp, PROMPT_EVERY_MS))]);
  }
}

function figures({ texts, tokens, packets, textBytes, wireBytes }: TokenCount, seconds: number): string {
  const rate = Math.round(tokens / Math.max(seconds, 0.001));
  return `${tokens} tokens of ${texts} submits, ${packets} packets, ${textBytes} bytes of text in ${wireBytes} on the wire, ${seconds.toFixed(2)} s, ${rate} tokens/s`;
}

function say(line: string): void {
  process.stdout.write(`${printableLines(line)}\n`);
}
