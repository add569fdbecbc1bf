/** The body of every plain result, raw: the suite compares its 20 bytes. */
export const EXTERNAL_RESULT = 'wire-external-result';
