import { SessionErrorCodeName } from 'nnrp-core/preview3';

/** A session_error_code for people: its name, when it has one, and its value. */
export function sessionErrorName(code: number): string {
  const hex = `0x${code.toString(16).padStart(8, '0')}`;
  const name = SessionErrorCodeName[code];
  return name === undefined ? `code ${hex}` : `${name} (${hex})`;
}
