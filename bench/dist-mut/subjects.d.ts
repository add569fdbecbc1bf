/** A structure with its generated codec and the one written by hand. */
export interface Subject {
    readonly name: string;
    readonly schema: string;
    readonly bytes: number;
    readonly check: (view: DataView, start: number) => number;
    readonly decode: (view: DataView, start: number) => object;
    readonly encode: (value: never, view: DataView, start: number) => number;
    /** Points a view at a structure and adds three fields. */
    readonly read3: (view: DataView, start: number) => number;
    readonly byHand: {
        readonly check: (view: DataView, start: number) => number;
        readonly decode: (view: DataView, start: number) => object;
        readonly encode: (value: never, view: DataView, start: number) => number;
        /** Adds the same three fields, read from the DataView. */
        readonly read3: (view: DataView, start: number) => number;
    };
    /** A field of what decode returns, so that the result is used. */
    readonly probe: (value: never) => number;
    readonly value: object;
}
export declare const SUBJECTS: readonly Subject[];
//# sourceMappingURL=subjects.d.ts.map