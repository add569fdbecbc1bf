import type { preview3 } from 'nnrp-core';
export declare function check(view: DataView, at: number): number;
export declare function decode(view: DataView, at: number): {
    statusCode: number;
    resultFlags: number;
    sectionCount: number;
    tileCount: number;
    activeProfileId: number;
    inferenceMs: number;
    queueMs: number;
    serverTotalMs: number;
    tileBaseId: number;
    tileIndexBytes: number;
    resultClass: number;
    appliedBudgetPolicy: number;
    reusedFrameId: number;
    coveredTileCount: number;
    droppedTileCount: number;
    payloadKindBitmap: number;
    payloadFrameCount: number;
};
export declare function encode(value: preview3.ResultPush, view: DataView, at: number): number;
/** status_code, result_class and payload_frame_count. */
export declare function read3(view: DataView, at: number): number;
//# sourceMappingURL=handwritten-result-push.d.ts.map