import { PREVIEW4 } from 'nnrp-core/preview4';
import { RESULT_PUSH_4 } from './codecs-preview4.js';
import type { Dialect } from './dialect.js';

export const PREVIEW4_DIALECT: Dialect = {
  name: 'preview4',
  isPreview4: true,
  wire: PREVIEW4,
  resultPush: RESULT_PUSH_4,
};
