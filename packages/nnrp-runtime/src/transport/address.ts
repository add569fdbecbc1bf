import { UsageError } from 'nnrp-core';

export interface HostPort {
  readonly host: string;
  /** 0 to 65535. */
  readonly port: number;
}

/**
 * Reads HOST:PORT, with an IPv6 host in brackets.
 *
 * @throws UsageError that shows what was given
 */
export function parseAddress(address: string | HostPort): HostPort {
  const { host, port } = typeof address === 'string' ? split(address) : (address ?? {});
  if (typeof host !== 'string' || host === '' || !Number.isInteger(port) || port < 0 || port > 65535) {
    const shown = typeof address === 'string' ? address : JSON.stringify(address);
    throw new UsageError(`address: expected HOST:PORT with a port of 0 to 65535, got '${shown}'`);
  }
  return { host, port };
}

export function formatAddress(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function split(address: string): HostPort {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(address);
  return { host: match?.[1] ?? match?.[2] ?? '', port: match ? Number(match[3]) : -1 };
}
