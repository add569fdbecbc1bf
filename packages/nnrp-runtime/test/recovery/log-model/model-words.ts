import type { Packet } from 'nnrp-core';
import { openAck } from '../../support/wire-packets.js';

/** Turns until nothing moves any more. */
const TURNS = 8;

export function must(holds: boolean, text: string): void {
  if (!holds) throw new Error(text);
}

export function same(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}

export function tokenOf(packet: Packet): Uint8Array {
  return new Uint8Array(packet.body.subarray(0, openAck(packet).resumeTokenBytes));
}

export function counting(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

export function isPrefix<T>(part: readonly T[], whole: readonly T[]): boolean {
  return part.length <= whole.length && part.every((value, index) => value === whole[index]);
}

export async function turns(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await new Promise((resolve) => setImmediate(resolve));
}
