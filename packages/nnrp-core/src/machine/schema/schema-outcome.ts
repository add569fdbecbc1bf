import { SchemaErrorCode } from '../../generated/preview3/enums.js';
import type { SchemaDescriptorHeader } from '../../generated/preview3/schema-descriptor-header.js';

/** A registry did what it was asked to, or found that nothing was to be done. */
export interface SchemaChange {
  /**
   * `installed`, the schema is new; `updated`, it is a higher version of a known one; `already_installed`, it was there;
   * `invalidated`, it is no longer there.
   */
  readonly outcome: 'installed' | 'updated' | 'already_installed' | 'invalidated';
}

/** A payload has its schema. */
export interface SchemaBinding {
  readonly outcome: 'bound';
  /** Undefined when the payload names none: profile 0, schema 0, version 0. */
  readonly schema: SchemaDescriptorHeader | undefined;
}

/** A registry refuses, and changes nothing. */
export interface SchemaRefusal {
  readonly outcome: 'refused';
  readonly errorCode: SchemaErrorCode;
}

/** The refusals there are, made once: one comes back for every payload that cannot be bound. */
export const REFUSED_SCHEMA = /* @__PURE__ */ Object.freeze({
  unknown: /* @__PURE__ */ refusal(SchemaErrorCode.SchemaUnknown),
  versionUnknown: /* @__PURE__ */ refusal(SchemaErrorCode.SchemaVersionUnknown),
  hashConflict: /* @__PURE__ */ refusal(SchemaErrorCode.SchemaHashConflict),
  incompatible: /* @__PURE__ */ refusal(SchemaErrorCode.SchemaIncompatible),
  dependencyMissing: /* @__PURE__ */ refusal(SchemaErrorCode.SchemaDependencyMissing),
  updateRejected: /* @__PURE__ */ refusal(SchemaErrorCode.SchemaUpdateRejected),
});

function refusal(errorCode: SchemaErrorCode): SchemaRefusal {
  return Object.freeze({ outcome: 'refused', errorCode });
}
