/** One thing to measure; `run` does `count` operations and returns a number that depends on all of them. */
export interface Contestant {
    readonly name: string;
    run(count: number): number;
}
export interface Measured {
    readonly name: string;
    /** Median nanoseconds per operation over all turns. */
    readonly nanoseconds: number;
    /** Heap bytes per operation. */
    readonly bytes: number;
}
/** Keeps results alive, so that no operation can be optimised away. */
export declare let sink: number;
/**
 * Lets contestants take turns in one process, so that all of them meet the same weather; the order is reversed on every
 * other turn. Absolute figures drift on a shared machine, ratios within one call hold.
 */
export declare function takeTurns(contestants: readonly Contestant[], turns: number, turnMs: number): Measured[];
//# sourceMappingURL=turns.d.ts.map