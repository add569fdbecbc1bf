/** How the suite names the revision. */
export const PROTOCOL_VERSION = 'nnrp-1-preview4';

/** The suite that was read for this. */
export const SUITE_VERSION = '0.1.0';
