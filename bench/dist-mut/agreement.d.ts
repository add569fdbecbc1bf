import type { Subject } from './subjects.js';
export interface Agreement {
    /** Comparisons made. */
    readonly samples: number;
    /** One line each. */
    readonly disagreements: readonly string[];
}
/**
 * Compares the two codecs of a structure. Call it after measuring: what it feeds them would spoil the type feedback that
 * the optimising compiler has of them.
 */
export declare function agreement({ name, bytes, check, decode, encode, read3, byHand, value }: Subject): Agreement;
//# sourceMappingURL=agreement.d.ts.map