import * as preview3 from 'nnrp-core/preview3';

/** The name on the wire of a value of an enum, such as server_shutdown; its number when it has none. */
export function wireName(values: Readonly<Record<string, number>>, value: number): string {
  return nameIn(values, value) ?? hex(value, 8);
}

/** An error_code for people, such as `server_busy (0x000b)`: ERROR also carries the codes of caches, schemas and sessions. */
export function errorCodeName(code: number): string {
  for (const values of CODES) {
    const name = nameIn(values, code);
    // 0 is no error, whatever the list says.
    if (name !== undefined && code !== 0) return `${name} (${hex(code, code > 0xffff ? 8 : 4)})`;
  }
  return `the error code ${hex(code, code > 0xffff ? 8 : 4)}, which has no name`;
}

/** A session_error_code for people, such as `auth_failed (0x00010001)`. An application may have codes of its own. */
export function sessionErrorName(code: number): string {
  const name = code === 0 ? undefined : nameIn(preview3.SessionErrorCode, code);
  return name === undefined ? `the code ${hex(code, 8)}, which has no name` : `${name} (${hex(code, 8)})`;
}

const CODES: readonly Readonly<Record<string, number>>[] = [
  preview3.ErrorCode,
  preview3.SessionErrorCode,
  preview3.CacheErrorCode,
  preview3.SchemaErrorCode,
];

function nameIn(values: Readonly<Record<string, number>>, value: number): string | undefined {
  const key = Object.keys(values).find((name) => values[name] === value);
  return key?.replace(/[A-Z]/g, (letter, at: number) => `${at > 0 ? '_' : ''}${letter.toLowerCase()}`);
}

function hex(value: number, digits: number): string {
  return `0x${value.toString(16).padStart(digits, '0')}`;
}
