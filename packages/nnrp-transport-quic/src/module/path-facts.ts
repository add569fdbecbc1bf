import type { PathFacts } from '../engine.js';

/** @param number - of those that `stats` gives, by its place */
export function pathFacts(number: (place: number) => number): PathFacts {
  return {
    roundTripMs: number(0) / 1000,
    congestionWindowBytes: number(1),
    sentPackets: number(2),
    lostPackets: number(3),
    congestionEvents: number(4),
    datagramBytes: number(5),
    blackHoles: number(6),
  };
}
