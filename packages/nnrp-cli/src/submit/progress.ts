import { Presets, SingleBar } from 'cli-progress';
import type { TerminalStream } from '../cli-io.js';
import type { SubmitRun } from './submit-run.js';

const BAR = '{bar} {value}/{total} results | {rate}/s | {partials} partial | {eta_formatted} left';
const BAR_EVERY_MS = 100;
const LINE_EVERY_MS = 1000;

/**
 * Shows how far a run is: a bar on a terminal, a line a second elsewhere.
 *
 * @returns ends it
 */
export function showProgress(run: SubmitRun, total: number, stream: TerminalStream): () => void {
  return stream.isTTY ? showBar(run, total, stream) : showLines(run, total, stream);
}

function showBar(run: SubmitRun, total: number, stream: TerminalStream): () => void {
  const bar = new SingleBar(
    { format: BAR, stream: stream as NodeJS.WritableStream, etaBuffer: 100 },
    Presets.shades_classic,
  );
  const payload = () => ({ rate: rate(run), partials: run.partials });
  bar.start(total, 0, payload());
  const timer = setInterval(() => bar.update(run.answered, payload()), BAR_EVERY_MS);
  return () => {
    clearInterval(timer);
    bar.update(run.answered, payload());
    bar.stop();
  };
}

function showLines(run: SubmitRun, total: number, stream: TerminalStream): () => void {
  const timer = setInterval(() => {
    stream.write(`${run.answered}/${total} results, ${rate(run)}/s, ${run.partials} partial\n`);
  }, LINE_EVERY_MS);
  return () => clearInterval(timer);
}

function rate(run: SubmitRun): number {
  return Math.round(run.answered / Math.max(run.seconds, 0.001));
}
