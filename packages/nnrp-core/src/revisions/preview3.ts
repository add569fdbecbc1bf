import {
  COMMON_HEADER_RULES,
  type CommonHeader,
  checkCommonHeader,
  encodeCommonHeader,
} from '../generated/preview3/common-header.js';
import { MessageType } from '../generated/preview3/enums.js';
import { MESSAGES } from '../generated/preview3/message-table.js';
import { checkFlowUpdateScope } from '../rules/flow.js';
import { type HeaderFields, messagesByCode, type Revision } from './revision.js';

/** NNRP/1-preview3. */
export const PREVIEW3: Revision = /* @__PURE__ */ Object.freeze({
  name: 'preview3',
  messages: MESSAGES,
  messageInfo: /* @__PURE__ */ messagesByCode(MESSAGES),
  checkHeader: checkCommonHeader,
  headerRules: COMMON_HEADER_RULES,
  encodeHeader: (header: HeaderFields, view: DataView, start: number) =>
    encodeCommonHeader(header as CommonHeader, view, start),
  checkTogether(messageType: number, sessionId: number, view: DataView, metadataStart: number): string | undefined {
    return messageType === MessageType.FlowUpdate ? checkFlowUpdateScope(sessionId, view, metadataStart) : undefined;
  },
});
