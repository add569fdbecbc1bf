import type * as preview4 from 'nnrp-core/preview4';

// Values of preview4 that code asks for which speaks both revisions, as literals: the enums would bring all of preview4 into what
// a page loads first. The types refuse any other number.

type Message = typeof preview4.MessageType;

export const RESULT_PUSH_TYPE: Message['ResultPush'] = 18;
export const CANCEL_TYPE: Message['Cancel'] = 48;
export const ABORT_TYPE: Message['Abort'] = 49;
export const PRIORITY_UPDATE_TYPE: Message['PriorityUpdate'] = 50;
export const DEADLINE_TYPE: Message['Deadline'] = 51;
export const EXPIRE_AT_TYPE: Message['ExpireAt'] = 52;
export const PARTIAL_RESULT_TYPE: Message['PartialResult'] = 56;
export const TRACE_CONTEXT_TYPE: Message['TraceContext'] = 63;
export const RESULT_DROP_REASON_TYPE: Message['ResultDropReason'] = 64;

export const PART_FLAGS_AT: typeof preview4.PARTIAL_RESULT_OFFSETS.flags = 36;
export const FINAL_PART: typeof preview4.PartialResultFlags.FinalPartial = 1;

export const CLIENT_ROLE: typeof preview4.RuntimeRole.Client = 1;

export const FINAL_RELEASE: typeof preview4.ObjectReleaseFlags.FinalRelease = 1;
