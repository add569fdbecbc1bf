import type { preview3 } from 'nnrp-core';
export declare function check(view: DataView, at: number): number;
export declare function decode(view: DataView, at: number): {
    versionMajor: number;
    wireFormat: number;
    messageType: number;
    headerLen: number;
    flags: number;
    metaLen: number;
    bodyLen: number;
    sessionId: number;
    frameId: number;
    viewId: number;
    routeId: number;
    traceId: bigint;
};
export declare function encode(value: preview3.CommonHeader, view: DataView, at: number): number;
/** message_type, session_id and frame_id. */
export declare function read3(view: DataView, at: number): number;
//# sourceMappingURL=handwritten-header.d.ts.map