import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { DEFAULT_MAX_PACKET_BYTES } from 'nnrp-core';
import { describe, expect, it } from 'vitest';
import { STREAM_DEFAULTS } from '../../../nnrp-runtime/src/transport/stream/stream-transport-options.js';
import { optionComments } from '../../../nnrp-runtime/test/sources/option-comments.js';
import { QuicClientEndpointConfig } from '../../src/client-endpoint-config.js';
import { QuicServerEndpointConfig } from '../../src/server-endpoint-config.js';

const MIB = 1024 * 1024;
const server = QuicServerEndpointConfig.selfSignedLocalhost('127.0.0.1:0').config.settings;
const client = new QuicClientEndpointConfig({ insecureSkipVerify: true }).settings;
const quarter = server.maxHandshakes / server.maxHandshakesPerAddress;

/** By the option: what the comment says, and the README in its column of defaults. */
const DEFAULTS: Readonly<Record<string, readonly [comment: string, readme: string]>> = {
  idleTimeoutMs: [`default ${client.idleTimeoutMs}`, `${server.idleTimeoutMs}`],
  keepAliveMs: [
    `server ${server.keepAliveMs}, of a client ${client.keepAliveMs}, or a third of \`idleTimeoutMs\``,
    `server ${server.keepAliveMs} (never), client ${client.keepAliveMs} or a third of \`idleTimeoutMs\``,
  ],
  handshakeTimeoutMs: [`default ${client.handshakeTimeoutMs}`, `${server.handshakeTimeoutMs}`],
  maxDatagramBytes: [
    `default ${client.maxDatagramBytes} to other machines and ${client.maxLoopbackDatagramBytes} on the loopback`,
    `${server.maxDatagramBytes}`,
  ],
  streamWindowBytes: [`default ${client.streamWindowBytes / MIB} MiB`, `${server.streamWindowBytes / MIB} MiB`],
  maxStreamWindowBytes: [
    `default ${client.maxStreamWindowBytes / MIB} MiB, or`,
    `${server.maxStreamWindowBytes / MIB} MiB, or \`streamWindowBytes\` if more`,
  ],
  congestionControl: [`\`${client.congestion}\`, the default`, `\`${server.congestion}\``],
  alpn: [`default \`['${client.alpn.join()}']\``, `\`['${server.alpn.join()}']\``],
  clientCertificates: [`Default ${server.clientCertificates}`, `\`${server.clientCertificates}\``],
  retry: [`\`${server.retry}\`, the default`, `\`${server.retry}\``],
  maxConnections: [`Default ${server.maxConnections}`, `${server.maxConnections}`],
  maxHandshakes: [`Default ${server.maxHandshakes}`, `${server.maxHandshakes}`],
  maxHandshakesPerAddress: ['Default a quarter of `maxHandshakes`', 'a quarter of `maxHandshakes`'],
  insecureSkipVerify: ['', 'false'],
  highWaterBytes: ['', `${STREAM_DEFAULTS.highWaterBytes / MIB} MiB`],
  stallTimeoutMs: ['', `${STREAM_DEFAULTS.stallTimeoutMs}`],
  maxPacketBytes: ['', `${DEFAULT_MAX_PACKET_BYTES / MIB} MiB`],
};

function read(path: string): string {
  return readFileSync(fileURLToPath(new URL(path, import.meta.url)), 'utf8');
}

const comments = new Map(
  [
    ['QuicEndpointOptions', 'endpoint-options'],
    ['QuicServerOptions', 'server-endpoint-config'],
    ['QuicServerEndpointOptions', 'server-endpoint-config'],
    ['QuicClientEndpointOptions', 'client-endpoint-config'],
  ].flatMap(([name = '', file]) => optionComments(name, read(`../../src/${file}.ts`))),
);
/** The column of defaults, by the option. */
const rows = new Map(
  [...read('../../README.md').matchAll(/^\| (`\w+Ms`|`\w+`(?:, `\w+`)*) +\| (.*?) +\|/gm)].flatMap(
    ([, names = '', value]) =>
      [...names.matchAll(/`(\w+)`/g)].map(([, name = '']) => [name, value?.trim() ?? ''] as const),
  ),
);

describe('the options of QUIC', () => {
  it('stand in the README, all of them and no others', () => {
    const transport = ['highWaterBytes', 'maxPacketBytes', 'revision', 'stallTimeoutMs'];
    expect([...rows.keys()].sort()).toEqual([...new Set([...comments.keys(), ...transport])].sort());
  });

  it.each(Object.entries(DEFAULTS))('have the default that comment and README say: %s', (option, [comment, readme]) => {
    if (comment !== '') expect(comments.get(option)).toContain(comment);
    expect(rows.get(option)).toBe(readme);
  });

  it('are all looked at that have a default of their own', () => {
    const said = [...comments].filter(([, comment]) => /default/i.test(comment)).map(([option]) => option);
    const ofOthers = ['roots', 'serverName', 'bindAddress'];
    expect(said.filter((option) => !(option in DEFAULTS) && !ofOthers.includes(option))).toEqual([]);
    expect([client.verify, quarter]).toEqual([false, 4]);
    expect(new QuicClientEndpointConfig().settings.verify).toBe(true);
  });
});
