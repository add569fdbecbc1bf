import type { Command } from 'commander';
import type { CliIo } from '../../cli-io.js';
import { ExitCode } from '../../exit-code.js';
import { seconds } from '../../options/seconds.js';
import { wholeNumber } from '../../options/whole-number.js';
import { writeLine } from '../../terminal-text.js';
import { runTarget } from './run-target.js';

interface TargetOptions {
  readonly manifest: string;
  readonly targetName?: string;
  readonly hostRoutes: boolean;
  readonly tcpConnections?: number;
  readonly patience: number;
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** Adds `nnrp conformance-target`. */
export function addConformanceTargetCommand(program: Command, io: CliIo, done: (code: ExitCode) => void): void {
  program
    .command('conformance-target')
    .description('be the target of the public conformance suite of NNRP/1-preview4: one run of its frame scenarios')
    .requiredOption(
      '--manifest <file>',
      'where the manifest of the target goes once it listens; certificates go beside it. One that is there says where to listen',
    )
    .option('--target-name <name>', 'as the manifest says it (default: nnrp-typescript)')
    .option(
      '--tcp-connections <n>',
      'sessions over TCP before the suite listens there, those of openai-compatible/1 not counted (default: one for each scenario ' +
        'that the manifest claims, 2)',
      wholeNumber(0, 1000),
    )
    .option('--no-host-routes', 'claim no scenarios of nnrp conformance-driver, for a suite that is given no driver')
    .option('--patience <seconds>', 'give up connecting to the suite after so long', seconds, 60)
    .addHelpText(
      'after',
      `
Listens on free ports of 127.0.0.1 over TCP, QUIC and WebSocket and on a socket, writes the manifest, and serves the scenarios in the
order of the suite. A manifest that is there already says where it listens, and with which certificates. Where the suite listens itself, it stops listening there and connects. Ends with 0 when all have been served.

Example:
  $ nnrp conformance-target --manifest run/target.json`,
    )
    .action(async ({ manifest, targetName, hostRoutes, tcpConnections, patience }: TargetOptions) => {
      const ended = new AbortController();
      const end = () => ended.abort(new Error('a signal has come'));
      for (const signal of SIGNALS) process.once(signal, end);
      const say = (line: string) => writeLine(io.stdout, line);
      try {
        const patienceMs = Math.ceil(patience * 1000);
        await runTarget({
          manifest,
          targetName,
          hasHostRoutes: hostRoutes,
          tcpConnections,
          patienceMs,
          signal: ended.signal,
          say,
        });
        done(ExitCode.Ok);
      } finally {
        for (const signal of SIGNALS) process.off(signal, end);
      }
    });
}
