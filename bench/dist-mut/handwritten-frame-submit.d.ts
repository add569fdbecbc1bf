import type { preview3 } from 'nnrp-core';
export declare function check(view: DataView, at: number): number;
export declare function decode(view: DataView, at: number): {
    srcWidth: number;
    srcHeight: number;
    tileWidth: number;
    tileHeight: number;
    tileCount: number;
    sectionCount: number;
    frameClass: number;
    inputProfile: number;
    tileIndexMode: number;
    latencyBudgetMs: number;
    targetFpsX100: number;
    retryOfFrame: number;
    tileBaseId: number;
    cameraBytes: number;
    tileIndexBytes: number;
    submitMode: number;
    budgetPolicy: number;
    lossTolerancePolicy: number;
    objectRefMask: number;
    dependencyFrameId: number;
    payloadKindBitmap: number;
    payloadFrameCount: number;
};
export declare function encode(value: preview3.FrameSubmit, view: DataView, at: number): number;
/** latency_budget_ms, payload_kind_bitmap and payload_frame_count. */
export declare function read3(view: DataView, at: number): number;
//# sourceMappingURL=handwritten-frame-submit.d.ts.map