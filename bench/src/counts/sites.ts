import { Sampler } from '../profile/sampler.js';

/** A function that has made objects. */
export interface Site {
  /** Its name and where it stands. */
  readonly name: string;
  readonly bytes: number;
}

/** @returns which functions made how much while the work was done, estimated from samples; the largest first */
export async function allocationSites(work: () => Promise<unknown>): Promise<Site[]> {
  const sampler = new Sampler('bytes');
  await sampler.begin();
  await work();
  return (await sampler.end()).map(({ name, amount }) => ({ name, bytes: amount }));
}
