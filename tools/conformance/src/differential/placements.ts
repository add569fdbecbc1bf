/** Bytes somewhere inside a larger view, so that a codec that forgets where its structure starts is found out. */
export interface Placement {
  readonly view: DataView;
  readonly start: number;
  /** The structure's bytes, for writing them. */
  readonly target: Uint8Array;
  /** Everything the view shows, guard bytes included. */
  readonly all: Uint8Array;
}

const ALIGNMENTS: readonly { readonly viewAt: number; readonly start: number; readonly after: number }[] = [
  { viewAt: 0, start: 0, after: 0 },
  { viewAt: 3, start: 0, after: 5 },
  { viewAt: 0, start: 5, after: 0 },
  { viewAt: 8, start: 3, after: 7 },
];

/** Views for a structure of `bytes` bytes: alone, with bytes around it, and at odd offsets. */
export function placements(bytes: number, guard: number): Placement[] {
  return ALIGNMENTS.map(({ viewAt, start, after }) => {
    const buffer = new ArrayBuffer(viewAt + start + bytes + after + 4);
    new Uint8Array(buffer).fill(guard);
    const length = start + bytes + after;
    return {
      view: new DataView(buffer, viewAt, length),
      start,
      target: new Uint8Array(buffer, viewAt + start, bytes),
      all: new Uint8Array(buffer, viewAt, length),
    };
  });
}
