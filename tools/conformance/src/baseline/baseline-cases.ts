import type { BaselineCase } from './baseline-case.js';
import { CACHE_CASES } from './cache-cases.js';
import { CACHE_CODE_CASES } from './cache-code-cases.js';
import { FLOW_CASES } from './flow-cases.js';
import { FLOW_GOLDEN_CASES } from './flow-golden-cases.js';
import { HANDSHAKE_CASES } from './handshake-cases.js';
import { HEADER_CASES } from './header-cases.js';
import { MULTI_SESSION_CASES } from './multi-session-cases.js';
import { OPERATION_CASES } from './operation-cases.js';
import { PAYLOAD_API_CASES } from './payload-api-cases.js';
import { PAYLOAD_CASES } from './payload-cases.js';
import { REGISTRY_GOLDEN_CASES } from './registry-golden-cases.js';
import { RESUME_CASES } from './resume-cases.js';
import { SCHEMA_CASES } from './schema-cases.js';
import { SCHEMA_REGISTRY_CASES } from './schema-registry-cases.js';
import { SESSION_CASES } from './session-cases.js';
import { SESSION_GOLDEN_CASES } from './session-golden-cases.js';
import { TENSOR_CASES } from './tensor-cases.js';
import { TRANSPORT_CASES } from './transport-cases.js';

/** The check of every case, by family. */
export const BASELINE_CASES: readonly BaselineCase[] = [
  ...HEADER_CASES,
  ...SESSION_GOLDEN_CASES,
  ...FLOW_GOLDEN_CASES,
  ...RESUME_CASES,
  ...REGISTRY_GOLDEN_CASES,
  ...HANDSHAKE_CASES,
  ...SESSION_CASES,
  ...MULTI_SESSION_CASES,
  ...TENSOR_CASES,
  ...FLOW_CASES,
  ...OPERATION_CASES,
  ...PAYLOAD_CASES,
  ...PAYLOAD_API_CASES,
  ...CACHE_CASES,
  ...CACHE_CODE_CASES,
  ...SCHEMA_CASES,
  ...SCHEMA_REGISTRY_CASES,
  ...TRANSPORT_CASES,
];
