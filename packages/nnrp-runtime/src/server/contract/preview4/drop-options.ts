import { shownPlain } from 'nnrp-core';
import { type OptionKind, type OptionTable, optionTable, TRUTH, U16 } from '../../../base/option-kinds.js';

/** What is said of an operation that gets no result; over preview3 none of it can be said. */
export interface DropOptions {
  /** See DropReasonCode; default superseded. */
  readonly reasonCode?: number | undefined;
  /** For people; cut to 256 bytes. */
  readonly text?: string | undefined;
  /** Whether the same work may succeed when it is submitted once more; default false. */
  readonly retryable?: boolean | undefined;
}

const TEXT: OptionKind = { takes: 'text', fits: (value) => typeof value === 'string', shown: shownPlain };

export const DROP_OPTIONS: OptionTable = optionTable<DropOptions>({ reasonCode: U16, text: TEXT, retryable: TRUTH });
