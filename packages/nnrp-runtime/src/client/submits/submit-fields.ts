import * as preview3 from 'nnrp-core/preview3';
import { bitsOf, oneOf, optionTable, U8, U16, U32 } from '../../base/option-kinds.js';

/** What each field of FRAME_SUBMIT takes by itself; what fields may say together the codec checks. */
export const SUBMIT_FIELDS = optionTable<preview3.FrameSubmit>({
  srcWidth: U16,
  srcHeight: U16,
  tileWidth: U16,
  tileHeight: U16,
  tileCount: U16,
  sectionCount: U16,
  frameClass: U8,
  inputProfile: oneOf('InputProfile', preview3.InputProfile),
  tileIndexMode: oneOf('TileIndexMode', preview3.TileIndexMode),
  latencyBudgetMs: U16,
  targetFpsX100: U16,
  retryOfFrame: U32,
  tileBaseId: U32,
  cameraBytes: U32,
  tileIndexBytes: U32,
  submitMode: oneOf('SubmitMode', preview3.SubmitMode),
  budgetPolicy: bitsOf('BudgetPolicyFlags', preview3.BudgetPolicyFlags),
  lossTolerancePolicy: U8,
  objectRefMask: U32,
  dependencyFrameId: U32,
  payloadKindBitmap: bitsOf('PayloadKindFlags', preview3.PayloadKindFlags),
  payloadFrameCount: U16,
});
