import type { BaselineCase } from './baseline-case.js';
import { CACHE_CASES } from './payloads/cache-cases.js';
import { CACHE_CODE_CASES } from './payloads/cache-code-cases.js';
import { PAYLOAD_API_CASES } from './payloads/payload-api-cases.js';
import { PAYLOAD_CASES } from './payloads/payload-cases.js';
import { REGISTRY_GOLDEN_CASES } from './payloads/registry-golden-cases.js';
import { SCHEMA_CASES } from './payloads/schema-cases.js';
import { SCHEMA_REGISTRY_CASES } from './payloads/schema-registry-cases.js';
import { TENSOR_CASES } from './payloads/tensor-cases.js';
import { FLOW_CASES } from './sessions/flow-cases.js';
import { FLOW_GOLDEN_CASES } from './sessions/flow-golden-cases.js';
import { HANDSHAKE_CASES } from './sessions/handshake-cases.js';
import { HEADER_CASES } from './sessions/header-cases.js';
import { MULTI_SESSION_CASES } from './sessions/multi-session-cases.js';
import { OPERATION_CASES } from './sessions/operation-cases.js';
import { RESUME_CASES } from './sessions/resume-cases.js';
import { SESSION_CASES } from './sessions/session-cases.js';
import { SESSION_GOLDEN_CASES } from './sessions/session-golden-cases.js';
import { TRANSPORT_CASES } from './sessions/transport-cases.js';

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
