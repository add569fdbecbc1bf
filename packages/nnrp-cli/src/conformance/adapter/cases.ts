import type { AdapterCase } from './adapter-case.js';
import { CONTROL_CASES } from './control-cases.js';
import { GOLDEN_CASES } from './golden-cases.js';
import { MESSAGE_CASES } from './message-cases.js';
import { OBJECT_CASES } from './object-cases.js';
import { TRANSPORT_CASES } from './transport-cases.js';

/** All cases of the adapter suite that are known here, by id. */
export const ADAPTER_CASES: ReadonlyMap<string, AdapterCase> = new Map(
  Object.entries({ ...GOLDEN_CASES, ...MESSAGE_CASES, ...CONTROL_CASES, ...OBJECT_CASES, ...TRANSPORT_CASES }),
);
