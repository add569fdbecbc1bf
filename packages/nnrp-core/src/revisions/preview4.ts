import {
  COMMON_HEADER_RULES,
  type CommonHeader,
  checkCommonHeader,
  encodeCommonHeader,
} from '../generated/preview4/common-header.js';
import { MessageType } from '../generated/preview4/enums.js';
import { MESSAGES } from '../generated/preview4/message-table.js';
import { checkBodyLengths } from '../rules/body-lengths.js';
import { checkFlowUpdateScope } from '../rules/flow.js';
import { type HeaderFields, messagesByCode, type Revision } from './revision.js';

/** NNRP/1-preview4. */
export const PREVIEW4: Revision = /* @__PURE__ */ Object.freeze({
  name: 'preview4',
  messages: MESSAGES,
  messageInfo: /* @__PURE__ */ messagesByCode(MESSAGES),
  checkHeader: checkCommonHeader,
  headerRules: COMMON_HEADER_RULES,
  encodeHeader: (header: HeaderFields, view: DataView, start: number) =>
    encodeCommonHeader(header as CommonHeader, view, start),
  checkTogether(messageType: number, sessionId: number, view: DataView, metadataStart: number): string | undefined {
    return messageType === MessageType.FlowUpdate ? checkFlowUpdateScope(sessionId, view, metadataStart) : undefined;
  },
  checkBody: checkBodyLengths,
});
