/** What each vector has. Those with `until` hold for releases before 4.26 alone, whose rules are not ours. */
export interface NamedVector {
  readonly name: string;
  readonly since?: string;
  readonly until?: string;
}
