import { formatHex } from '../json/hex.js';
import type { JsonObject } from '../json/json-object.js';
import type { CaptureFault } from './capture-fault.js';
import type { Frame } from './frames.js';

/** @see RFC 6455 section 7.4.1, and the registry of IANA */
const NAMES: Readonly<Record<number, string>> = {
  1000: 'normal_closure',
  1001: 'going_away',
  1002: 'protocol_error',
  1003: 'unsupported_data',
  1007: 'invalid_payload',
  1008: 'policy_violation',
  1009: 'message_too_big',
  1010: 'mandatory_extension',
  1011: 'internal_error',
  1012: 'service_restart',
  1013: 'try_again_later',
  1014: 'bad_gateway',
};

/** What a close frame says, which may be nothing: code, its name, and the reason. */
export function closeToJson({ payload, payloadAt }: Frame): { close: JsonObject; fault: CaptureFault | undefined } {
  const wrong = (at: number, expected: string, actual: string): CaptureFault => {
    return { kind: 'bad_frame', at, expected, actual };
  };
  if (payload.length === 0) return { close: {}, fault: undefined };
  if (payload.length === 1) return { close: {}, fault: wrong(payloadAt, 'a close code of 2 bytes', '1 byte') };
  const code = ((payload[0] as number) << 8) | (payload[1] as number);
  const name = NAMES[code] ?? (code >= 3000 && code <= 4999 ? 'private_use' : undefined);
  const fault =
    name === undefined
      ? wrong(payloadAt, 'a close code that may be sent (1000 to 1014, 3000 to 4999)', `${code}`)
      : undefined;
  const close = { code, ...(name !== undefined && { code_name: name }) };
  const reason = utf8(payload.subarray(2));
  if (reason !== undefined) return { close: { ...close, reason }, fault };
  return {
    close: { ...close, reason_hex: formatHex(payload.subarray(2)) },
    fault: fault ?? wrong(payloadAt + 2, 'a reason in UTF-8', 'other bytes'),
  };
}

function utf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
