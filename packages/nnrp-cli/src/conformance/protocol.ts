/** How the suite names the revision. */
export const PROTOCOL_VERSION = 'nnrp-1-preview4';
