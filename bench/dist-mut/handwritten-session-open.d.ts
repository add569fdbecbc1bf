import type { preview3 } from 'nnrp-core';
export declare function check(view: DataView, at: number): number;
export declare function decode(view: DataView, at: number): {
    requestedSessionId: number;
    profileId: number;
    priorityClass: number;
    sessionFlags: number;
    schemaId: number;
    schemaVersion: number;
    defaultDeadlineMs: number;
    maxInFlightOperations: number;
    leaseTtlHintMs: number;
    resumeTokenBytes: number;
    authBytes: number;
    sessionExtensionBytes: number;
    clientSessionTag: bigint;
};
export declare function encode(value: preview3.SessionOpen, view: DataView, at: number): number;
/** requested_session_id, profile_id and schema_id. */
export declare function read3(view: DataView, at: number): number;
//# sourceMappingURL=handwritten-session-open.d.ts.map