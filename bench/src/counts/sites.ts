import { Session } from 'node:inspector/promises';

/** A function that has made objects. */
export interface Site {
  /** Its name and where it stands. */
  readonly name: string;
  readonly bytes: number;
}

/** Bytes between two samples, on average. */
const INTERVAL_BYTES = 1024;

/** @returns which functions made how much while the work was done, estimated from samples; the largest first */
export async function allocationSites(work: () => Promise<unknown>): Promise<Site[]> {
  const session = new Session();
  session.connect();
  try {
    // Most of what is made is collected soon.
    const all = { includeObjectsCollectedByMajorGC: true, includeObjectsCollectedByMinorGC: true };
    await session.post('HeapProfiler.startSampling', { samplingInterval: INTERVAL_BYTES, ...all });
    await work();
    const { profile } = await session.post('HeapProfiler.stopSampling');
    const bytes = new Map<string, number>();
    const visit = ({ callFrame, selfSize, children }: typeof profile.head) => {
      const { functionName, url, lineNumber } = callFrame;
      const name = `${functionName || '(anonymous)'} ${url.split('/').slice(-2).join('/')}:${lineNumber + 1}`;
      bytes.set(name, (bytes.get(name) ?? 0) + selfSize);
      for (const child of children) visit(child);
    };
    visit(profile.head);
    return [...bytes].map(([name, made]) => ({ name, bytes: made })).sort((a, b) => b.bytes - a.bytes);
  } finally {
    session.disconnect();
  }
}
