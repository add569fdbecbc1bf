import type { MessageInfo, Revision } from 'nnrp-core';
import { checkResultPush, RESULT_PUSH_RULES } from 'nnrp-core/preview3';
import { MessageType, PREVIEW4 } from 'nnrp-core/preview4';
import { RESULT_PUSH_4 } from './codecs-preview4.js';
import type { Dialect } from './dialect.js';

export const PREVIEW4_DIALECT: Dialect = {
  name: 'preview4',
  isPreview4: true,
  wire: PREVIEW4,
  resultPush: RESULT_PUSH_4,
};

/** RESULT_PUSH by the rules of release 4.22, which are those of preview3: without RPUSH-2 to -4. */
const EARLIER_RESULT = {
  ...PREVIEW4.messageInfo(MessageType.ResultPush),
  checkMetadata: checkResultPush,
  metadataRules: RESULT_PUSH_RULES,
} as MessageInfo;

const LENIENT_WIRE: Revision = {
  ...PREVIEW4,
  messageInfo: (code) => (code === MessageType.ResultPush ? EARLIER_RESULT : PREVIEW4.messageInfo(code)),
};

/** Takes the results of servers before 4.23, and sends by the newest rules all the same. */
export const LENIENT_PREVIEW4_DIALECT: Dialect = { ...PREVIEW4_DIALECT, wire: LENIENT_WIRE };
