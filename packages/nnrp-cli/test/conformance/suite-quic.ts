import { type DenoPeer, denoProgram } from '../../../nnrp-transport-quic/test/deno/deno-peer.js';
import type { Line } from './suite-wire.js';

/** Why there is no QUIC of others here; undefined when there is. CI must have it. */
export function whyNoQuic(): string | undefined {
  const found = denoProgram();
  return 'missing' in found && process.env['CI'] === undefined ? found.missing : undefined;
}

/**
 * QUIC as the suite's: quinn and rustls, which Deno has, without ALPN, and one stream that the client opens.
 *
 * @param root - the certificate that is trusted, in DER
 */
export async function quicLine(deno: DenoPeer, port: number, serverName: string, root: Buffer): Promise<Line> {
  const pem = `-----BEGIN CERTIFICATE-----\n${root.toString('base64').replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`;
  const { connection } = await deno.ask<{ connection: number }>('connect', {
    from: '127.0.0.1',
    hostname: '127.0.0.1',
    serverName,
    port,
    alpnProtocols: [],
    caCerts: [pem],
  });
  const stream = await deno.ask<number>('open', { connection });
  const ended = new Set<() => void>();
  let sending: Promise<unknown> = Promise.resolve();
  const read = async (told: (bytes: Buffer) => void) => {
    for (;;) {
      const bytes = await deno.ask<string | null>('read', { stream }).catch(() => null);
      if (bytes === null) break;
      told(Buffer.from(bytes, 'base64'));
    }
    for (const told of ended) told();
  };
  return {
    send(bytes) {
      sending = sending.then(() => deno.ask('write', { stream, bytes: bytes.toString('base64') })).catch(() => {});
    },
    onBytes: (told) => void read(told),
    onEnd: (told) => void ended.add(told),
    end: () => void deno.ask('close', { connection, closeCode: 0, reason: '' }).catch(() => {}),
  };
}
