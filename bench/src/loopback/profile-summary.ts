import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { table } from '../table.js';

/** The parts of a V8 CPU profile that are read here. */
interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** Not work: the process waits, or the profiler itself is at it. */
const WAITING = ['(idle)', '(root)'];
const ROWS = 16;

/** The functions of a CPU profile with the largest share of the time in which the process was at work. */
export function profileSummary(file: string): string {
  const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(file, 'utf8')) as CpuProfile;
  const places = new Map(nodes.map(({ id, callFrame }) => [id, place(callFrame)]));
  const times = new Map<string, number>();
  samples.forEach((id, index) => {
    const name = places.get(id) ?? '(unknown)';
    times.set(name, (times.get(name) ?? 0) + (timeDeltas[index] ?? 0));
  });
  for (const name of WAITING) times.delete(name);
  const total = [...times.values()].reduce((sum, time) => sum + time, 0);
  const largest = [...times].sort(([, a], [, b]) => b - a).slice(0, ROWS);
  const rows = largest.map(([name, time]) => [name, `${((100 * time) / total).toFixed(1)} %`]);
  return table([basename(file, '.cpuprofile'), 'self'], rows);
}

function place({ functionName, url, lineNumber }: CpuProfile['nodes'][number]['callFrame']): string {
  const name = functionName === '' ? '(anonymous)' : functionName;
  if (url === '') return name;
  // Code that is its own address.
  if (url.startsWith('data:')) return `${name} data:`;
  const parts = url.replace(/^file:\/\//, '').split('/');
  return `${name} ${parts.slice(-2).join('/')}:${lineNumber + 1}`;
}
