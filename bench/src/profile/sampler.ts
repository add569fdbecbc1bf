import { type Profiler, Session } from 'node:inspector/promises';

/** What is sampled: time at work in microseconds, or objects in bytes. */
export type Kind = 'time' | 'bytes';

/** A function, and what it has taken or made by itself. */
export interface Site {
  /** Its name and where it stands. */
  readonly name: string;
  readonly amount: number;
}

/** Bytes between two samples, on average, and microseconds. */
const INTERVAL_BYTES = 1024;
const INTERVAL_US = 200;
/** No work: the process waits. */
const WAITING = ['(idle)', '(root)'];

interface Frame {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
}

/** Samples this process; nothing is left of it afterwards. */
export class Sampler {
  private readonly session = new Session();

  constructor(private readonly kind: Kind) {}

  async begin(): Promise<void> {
    const { session } = this;
    session.connect();
    if (this.kind === 'bytes') {
      // Most of what is made is collected soon.
      const all = { includeObjectsCollectedByMajorGC: true, includeObjectsCollectedByMinorGC: true };
      await session.post('HeapProfiler.startSampling', { samplingInterval: INTERVAL_BYTES, ...all });
      return;
    }
    await session.post('Profiler.enable');
    await session.post('Profiler.setSamplingInterval', { interval: INTERVAL_US });
    await session.post('Profiler.start');
  }

  /** @returns which functions took how much since, the largest first */
  async end(): Promise<Site[]> {
    try {
      const sites = this.kind === 'bytes' ? await this.bytes() : await this.time();
      return [...sites].map(([name, amount]) => ({ name, amount })).sort((a, b) => b.amount - a.amount);
    } finally {
      this.session.disconnect();
    }
  }

  private async bytes(): Promise<Map<string, number>> {
    const { profile } = await this.session.post('HeapProfiler.stopSampling');
    const bytes = new Map<string, number>();
    const visit = ({ callFrame, selfSize, children }: typeof profile.head, caller: string) => {
      const name = siteName(callFrame, caller);
      bytes.set(name, (bytes.get(name) ?? 0) + selfSize);
      for (const child of children) visit(child, name);
    };
    visit(profile.head, '');
    return bytes;
  }

  private async time(): Promise<Map<string, number>> {
    const { profile } = await this.session.post('Profiler.stop');
    const { samples = [], timeDeltas = [] } = profile;
    const names = namesOf(profile);
    const time = new Map<string, number>();
    samples.forEach((id, index) => {
      const name = names.get(id) ?? '(unknown)';
      time.set(name, (time.get(name) ?? 0) + (timeDeltas[index] ?? 0));
    });
    for (const name of WAITING) time.delete(name);
    return time;
  }
}

function namesOf({ nodes }: Profiler.Profile): Map<number, string> {
  const callers = new Map(nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node])));
  const names = new Map<number, string>();
  // A caller stands before those that it calls.
  for (const { id, callFrame } of nodes) {
    const caller = callers.get(id);
    names.set(id, siteName(callFrame, caller === undefined ? '' : (names.get(caller.id) ?? '')));
  }
  return names;
}

/** What the engine does, such as making a Map, says nothing without the function that asked for it; what it does for itself has none. */
function siteName({ functionName, url, lineNumber }: Frame, caller: string): string {
  const name = functionName || '(anonymous)';
  if (url !== '') return `${name} ${url.split('/').slice(-2).join('/')}:${lineNumber + 1}`;
  const isNamed = caller !== '' && caller !== '(root)' && !name.startsWith('(');
  return isNamed ? `${name} < ${caller}` : name;
}
