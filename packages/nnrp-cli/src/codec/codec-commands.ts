import { type Command, Option } from 'commander';
import { isWireError } from 'nnrp-core';
import type { RevisionName } from 'nnrp-runtime';
import { type CliIo, writeFully } from '../cli-io.js';
import { CommandUsageError, ExitCode } from '../exit-code.js';
import { REVISION_NAMES } from '../json/codec-revision.js';
import { parseHex } from '../json/hex.js';
import { hexOfDump } from '../json/hex-dump.js';
import { repeatedKey } from '../json/repeated-key.js';
import { RequestError, requestFault } from '../json/request-error.js';
import { errorJson } from '../json-text.js';
import { writeLine } from '../terminal-text.js';
import { runBatch } from './batch.js';
import { captureOf, printCapture, printItems } from './capture-command.js';
import { networkCapture, readInput } from './codec-input.js';
import { type CodecRequest, performRequest, STRUCT_NAMES } from './codec-request.js';
import { decodePackets, hasSeveralPackets, shownPacket } from './decode-packets.js';
import { decodePcap } from './decode-pcap.js';
import { foreignBytesHint } from './foreign-bytes.js';

interface CodecOptions {
  readonly struct?: string;
  readonly revision?: RevisionName;
  readonly names?: boolean;
  readonly pretty?: boolean;
  readonly batch?: boolean;
  readonly file?: string;
  readonly websocket?: boolean;
  readonly payloads?: boolean;
}

const STRUCT_OPTION = [
  '-s, --struct <name>',
  'a structure such as SESSION_OPEN, HEADER or PACKET (default: PACKET)',
] as const;
const REVISION_OPTION = '-r, --revision <name>';
const BATCH_HELP = `
With --batch each line of standard input is a request and gets one line in answer, in the same order:
  {"id":1,"op":"decode","struct":"PACKET","hex":"..."}     {"id":1,"fields":{...}}
  {"id":2,"op":"encode","struct":"PACKET","fields":{}}   {"id":2,"hex":"..."} or {"id":2,"error":{"kind":...}}

Of preview4 a request may also be a vector of its published file: parts of bodies ("kind":"body", ...), "op":"check", "build", "run", "select",
"endpoint" and "constant", see the README of nnrp-cli.

Requests are for --revision, by default preview3, or the "revision" of the line.

Structures:${listed(STRUCT_NAMES.preview3)}

Of preview4 also:${listed(STRUCT_NAMES.preview4.filter((name) => !STRUCT_NAMES.preview3.includes(name)))}
`;

function listed(names: readonly string[]): string {
  return names.join(', ').replace(/(.{1,100})(?:, |$)/g, '\n  $1');
}

/** Adds `nnrp decode`. */
export function addDecodeCommand(program: Command, io: CliIo, done: (code: ExitCode) => void): void {
  program
    .command('decode')
    .description('decode packets, one structure, or a capture of WebSocket or of a network, from hex or bytes to JSON')
    .argument('[hex...]', "the bytes; white space and 0x are ignored, '-' reads standard input")
    .option(...STRUCT_OPTION)
    .addOption(revisionOption('of a packet the one that accepts it, and the answer says which; else preview3'))
    .option('-f, --file <file>', 'read a file: hex, a dump of hexdump -C or xxd, the bytes themselves, pcap or pcapng')
    .option('-w, --websocket', 'read frames of WebSocket, also where the bytes do not begin like one')
    .option('-n, --names', 'add the names of enum values and flags')
    .option('-t, --payloads', 'add what the typed payloads in bodies say')
    .option('-p, --pretty', 'print over several lines')
    .option('-b, --batch', 'answer request lines from standard input')
    .addHelpText(
      'after',
      `
Examples:
  $ nnrp decode 4e4e5250010020280000000000000000000000000000000000000000000000000000000000000000
  $ nnrp decode --struct SESSION_CLOSE_ACK --names 02000000010000000000000000000000
  $ nnrp decode --pretty --file packet.bin
  $ nnrp decode --file websocket.bin
  $ hexdump -C packets.bin | nnrp decode -
  $ tcpdump -w - tcp port 4433 | nnrp decode --payloads -

Of several packets one after another each gets a line, with the byte where it begins. A pcap or pcapng file may have any connections,
which are put together again from their segments; what is no NNRP over TCP is passed over.

A capture of WebSocket begins with the header of an upgrade (GET ..., HTTP/1.1 101) or a frame, and gets a line for each
header and each frame. The packet stands in the line of the frame that ends its message.
${BATCH_HELP}`,
    )
    .action(async (hex: string[], options: CodecOptions) => {
      done(await run(io, 'decode', hex, options));
    });
}

/** Adds `nnrp encode`. */
export function addEncodeCommand(program: Command, io: CliIo, done: (code: ExitCode) => void): void {
  program
    .command('encode')
    .description('encode a packet, or one structure, from JSON to hex')
    .argument('[json]', "the fields; '-' reads standard input")
    .option(...STRUCT_OPTION)
    .addOption(revisionOption('what a decoded packet says, else preview3'))
    .option('-b, --batch', 'answer request lines from standard input')
    .addHelpText(
      'after',
      `
A structure needs all its fields. A packet needs its message type and metadata; the rest of the header defaults to 0.

Examples:
  $ nnrp encode '{"message_type":"PING"}'
  $ nnrp encode --struct SESSION_CLOSE_ACK '{"close_status":2,"last_operation_id":"1","session_error_code":0}'
  $ nnrp decode 4e4e52... | nnrp encode -
${BATCH_HELP}`,
    )
    .action(async (json: string | undefined, options: CodecOptions) => {
      done(await run(io, 'encode', json === undefined ? [] : [json], options));
    });
}

function revisionOption(whenMissing: string): Option {
  const text = `the wire is NNRP/1-<name> (default: ${whenMissing})`;
  return new Option(REVISION_OPTION, text).choices(REVISION_NAMES);
}

async function run(io: CliIo, op: CodecRequest['op'], input: string[], options: CodecOptions): Promise<ExitCode> {
  const { struct, revision, names = false } = options;
  if (options.batch) {
    if (input.length > 0) throw new CommandUsageError('--batch reads standard input and takes no arguments');
    if (options.file !== undefined || options.websocket)
      throw new CommandUsageError('--batch takes neither --file nor --websocket');
    await runBatch(io, { op, names, ...(struct && { struct }), ...(revision && { revision }) });
    return ExitCode.Ok;
  }
  const isPacketWanted = op === 'decode' && (struct ?? 'PACKET').toUpperCase() === 'PACKET';
  const { pretty = false, payloads = false } = options;
  if (payloads && !isPacketWanted) throw new CommandUsageError('--payloads means nothing with --struct');
  const view = { names, payloads, revision };
  const network = isPacketWanted ? await networkCapture(io, input, options.file) : undefined;
  if (network?.capture !== undefined) return printItems(io, decodePcap(network.capture, view), pretty);
  const text = await readInput(network?.io ?? io, op, input, options.file);
  if (options.websocket && !isPacketWanted) throw new CommandUsageError('--websocket means nothing with --struct');
  try {
    const given = op === 'decode' ? hexOfDump(text) : text;
    const capture = options.websocket ? parseHex(given) : isPacketWanted ? captureOf(given) : undefined;
    if (capture !== undefined) return await printCapture(io, capture, { names, pretty, revision });
    const bytes = isPacketWanted ? parseHex(given) : undefined;
    if (bytes !== undefined && hasSeveralPackets(bytes))
      return await printItems(io, decodePackets(bytes, view), pretty);
    const answer =
      bytes === undefined
        ? performRequest({
            op,
            struct: struct ?? 'PACKET',
            names,
            ...(revision && { revision }),
            ...argument(op, given),
          })
        : { fields: shownPacket(bytes, view) };
    const line = 'hex' in answer ? answer.hex : JSON.stringify(answer.fields, undefined, pretty ? 2 : undefined);
    await writeFully(io.stdout, `${line}\n`);
    return ExitCode.Ok;
  } catch (error) {
    const fault = requestFault(error);
    if (fault === undefined) throw error;
    await writeFully(io.stdout, `${errorJson({ error: fault })}\n`);
    const isPacket = isPacketWanted && isWireError(error);
    writeLine(io.stderr, `nnrp: ${(error as Error).message}${isPacket ? foreignBytesHint(hexOfDump(text)) : ''}`);
    return fault.kind === 'unknown_struct' ? ExitCode.Usage : ExitCode.Failed;
  }
}

function argument(op: CodecRequest['op'], text: string): Pick<CodecRequest, 'hex' | 'fields'> {
  if (op === 'decode') return { hex: text };
  let fields: unknown;
  try {
    fields = JSON.parse(text);
  } catch (error) {
    throw new RequestError({ kind: 'bad_request', message: `not JSON: ${(error as Error).message}` });
  }
  const repeated = repeatedKey(text);
  if (repeated !== undefined) throw new RequestError({ kind: 'bad_request', message: `${repeated}: stands twice` });
  return { fields };
}
