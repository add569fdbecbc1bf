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
    const visit = ({ callFrame, selfSize, children }: typeof profile.head, caller: string) => {
      const { functionName, url, lineNumber } = callFrame;
      const place = `${functionName || '(anonymous)'} ${url.split('/').slice(-2).join('/')}:${lineNumber + 1}`;
      // What the engine makes, such as a Map, says nothing without the function that asked for it.
      const name = url === '' && caller !== '' ? `${functionName || '(anonymous)'} < ${caller}` : place;
      bytes.set(name, (bytes.get(name) ?? 0) + selfSize);
      for (const child of children) visit(child, name);
    };
    visit(profile.head, '');
    return [...bytes].map(([name, made]) => ({ name, bytes: made })).sort((a, b) => b.bytes - a.bytes);
  } finally {
    session.disconnect();
  }
}
