/* How figures are written in reports. */

export function grouped(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

export function duration(microseconds: number): string {
  return microseconds < 1000 ? `${microseconds.toFixed(0)} us` : `${(microseconds / 1000).toFixed(2)} ms`;
}

/** @param microseconds - of CPU time */
export function cpu(microseconds: number): string {
  return microseconds < 10 ? microseconds.toFixed(2) : microseconds.toFixed(1);
}

export function share(ratio: number | undefined): string {
  return ratio === undefined ? '-' : ratio.toFixed(3);
}

export function kib(bytes: number | undefined): string {
  return bytes === undefined ? '-' : (bytes / 1024).toFixed(1);
}
