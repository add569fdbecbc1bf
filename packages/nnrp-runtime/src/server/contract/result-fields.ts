import * as preview3 from 'nnrp-core/preview3';
import { bitsOf, oneOf, optionTable, U16, U32 } from '../../base/option-kinds.js';

/** What each field of RESULT_PUSH takes by itself; what fields may say together the codec checks. */
export const RESULT_FIELDS = optionTable<preview3.ResultPush>({
  statusCode: U16,
  resultFlags: bitsOf('ResultFlags', preview3.ResultFlags),
  sectionCount: U16,
  tileCount: U16,
  activeProfileId: U16,
  inferenceMs: U16,
  queueMs: U16,
  serverTotalMs: U16,
  tileBaseId: U32,
  tileIndexBytes: U32,
  resultClass: oneOf('ResultClass', preview3.ResultClass),
  appliedBudgetPolicy: bitsOf('BudgetPolicyFlags', preview3.BudgetPolicyFlags),
  reusedFrameId: U32,
  coveredTileCount: U16,
  droppedTileCount: U16,
  payloadKindBitmap: bitsOf('PayloadKindFlags', preview3.PayloadKindFlags),
  payloadFrameCount: U16,
});
