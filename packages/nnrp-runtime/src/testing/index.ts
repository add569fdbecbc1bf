export { transportCompliance } from './compliance.js';
export type { ComplianceCase, ComplianceEndpoint, ComplianceSetup } from './compliance-setup.js';
