import { spawn } from 'node:child_process';

/** A session, its cut and a start; a process that does not end by itself is ended then. */
const MAX_MS = 60_000;

/**
 * Runs a program of `programs` to its end.
 *
 * @param command - the runtime and what it takes before a file
 * @returns what its `main` has returned
 * @throws Error when it fails, or does not end by itself
 */
export async function runProgram([runtime, ...options], folder, program, url) {
  const child = spawn(runtime, [...options, 'run.js', `./${program}`, url], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: MAX_MS,
  });
  let said = '';
  let failed = '';
  child.stdout.on('data', (text) => {
    said += text;
  });
  child.stderr.on('data', (text) => {
    failed += text;
  });
  const [status, signal] = await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (...end) => resolve(end));
  });
  if (signal !== null) throw new Error(`it has not ended by itself; it said ${said}${failed}`);
  if (status !== 0 || failed !== '') throw new Error(`status ${status}: ${said}${failed}`);
  return JSON.parse(said);
}
