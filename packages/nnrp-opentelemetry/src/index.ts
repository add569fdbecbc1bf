export { NnrpIdGenerator } from './id-generator.js';
export { instrumentNnrp, type NnrpInstrumentation } from './instrumentation.js';
export type { InstrumentationOptions } from './instrumentation-options.js';
