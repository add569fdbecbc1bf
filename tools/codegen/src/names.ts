/** session_open_ack -> SessionOpenAck */
export function pascal(id: string): string {
  return id.replace(/(^|_)([a-z0-9])/g, (_, __, letter: string) => letter.toUpperCase());
}

/** session_open_ack -> sessionOpenAck */
export function camel(id: string): string {
  const name = pascal(id);
  return name.charAt(0).toLowerCase() + name.slice(1);
}

/** session_open_ack -> SESSION_OPEN_ACK */
export function constant(id: string): string {
  return id.toUpperCase();
}

/** session_open_ack -> session-open-ack */
export function kebab(id: string): string {
  return id.replaceAll('_', '-');
}

export function hex(value: number): string {
  const digits = value.toString(16);
  return `0x${digits.padStart(digits.length + (digits.length % 2), '0')}`;
}
