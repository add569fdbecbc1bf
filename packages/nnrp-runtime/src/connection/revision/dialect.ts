import { PREVIEW3, type Revision } from 'nnrp-core';
import type * as preview3 from 'nnrp-core/preview3';
import { RESULT_PUSH } from '../sending/codecs.js';
import type { MetadataCodec } from '../sending/outbound-message.js';
import type { RevisionName } from './revision-name.js';

/** How a connection speaks. One object for each revision, all of the same shape. */
export interface Dialect {
  readonly name: RevisionName;
  /** Whether it is preview4: for what is said in other messages altogether. */
  readonly isPreview4: boolean;
  /** Messages, header rules, rules of whole packets. */
  readonly wire: Revision;
  /** The metadata of RESULT_PUSH: the same fields, and more rules in preview4. */
  readonly resultPush: MetadataCodec<preview3.ResultPush>;
}

export const PREVIEW3_DIALECT: Dialect = {
  name: 'preview3',
  isPreview4: false,
  wire: PREVIEW3,
  resultPush: RESULT_PUSH,
};
