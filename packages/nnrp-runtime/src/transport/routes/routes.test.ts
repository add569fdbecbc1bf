import { describe, expect, it } from 'vitest';
import { parseApplicationEndpoint, readApplicationEndpoint } from './application-endpoint.js';
import { parseProviderEndpoint, readProviderEndpoint } from './provider-endpoint.js';
import { eligibleRoutes, type RoutePolicy, selectRoute } from './selection.js';

describe('endpoints', () => {
  it.each([
    ['tcp://h:1', 'UnsupportedApplicationScheme'],
    ['nnrp:///path', 'InvalidEndpoint'],
    ['nnrp:/path', 'InvalidEndpoint'],
    ['nnrp://h:70000/', 'InvalidEndpoint'],
    ['nnrp://h h/', 'InvalidEndpoint'],
    ['nnrp://u@h/#f', 'FragmentNotAllowed'],
    ['http://u@h/', 'UnsupportedApplicationScheme'],
  ])('of an application: %s is refused as %s', (text, fault) => {
    expect(readApplicationEndpoint(text)).toBe(fault);
  });

  it.each([
    ['tcp://', 'EmptyProviderLocator'],
    ['unix://#', 'FragmentNotAllowed'],
    ['unix://relative', 'InvalidEndpoint'],
    ['npipe://a?b', 'InvalidEndpoint'],
    ['quic://h:x', 'InvalidEndpoint'],
    ['ws://[::1/nnrp', 'InvalidEndpoint'],
    ['TCP://h:1', 'UnsupportedProviderScheme'],
  ])('of a route: %s is refused as %s', (text, fault) => {
    expect(readProviderEndpoint(text)).toBe(fault);
  });

  it('have their parts', () => {
    expect(parseApplicationEndpoint('nnrps://h:1?q=1')).toEqual({
      authority: 'h:1',
      pathAndQuery: '/?q=1',
      host: 'h',
      port: 1,
      isSecure: true,
    });
    expect(parseProviderEndpoint('wss://[::1]:4433/nnrp')).toMatchObject({
      transport: 'websocket',
      host: '[::1]',
      port: 4433,
      locator: '[::1]:4433/nnrp',
    });
    expect(parseProviderEndpoint('unix:///run/x.sock')).toMatchObject({ transport: 'ipc', locator: '/run/x.sock' });
  });

  it('are refused without what may be a secret', () => {
    expect(() => parseApplicationEndpoint('nnrp://user:secret@h/')).toThrow(/credentials have no place .* '.*…@h/);
    expect(() => parseApplicationEndpoint('nnrp://user:secret@h/')).not.toThrow(/secret/);
    expect(() => parseProviderEndpoint('ftp://h')).toThrow(/tcp:\/\/, quic:\/\//);
  });
});

describe('a selection', () => {
  const tcp = { id: 'tcp', transport: 'tcp' } as const;
  const quic = { id: 'quic', transport: 'quic' } as const;

  it('takes one alone without a probe', () => {
    expect(selectRoute([tcp, { ...quic, isAvailable: false }]).selected).toBe(tcp);
    expect(eligibleRoutes([tcp, { ...quic, isAvailable: false }])).toEqual([tcp]);
  });

  it('prefers where measurements are alike, then what is closest', () => {
    const sample = { elapsedUs: 10, roundTripUs: 10, bytesSent: 1 };
    const probes = new Map([
      ['tcp', [sample]],
      ['quic', [sample]],
    ]);
    expect(selectRoute([tcp, quic], { probes }).selected).toBe(quic);
    expect(selectRoute([tcp, quic], { probes, policy: 'prefer_tcp' }).selected).toBe(tcp);
  });

  it('goes by preference and closeness alone where nothing was to be measured', () => {
    expect(selectRoute([tcp, quic]).error).toBe('no_viable_transport');
    expect(selectRoute([tcp, quic], { probes: 'none' }).selected).toBe(quic);
    expect(selectRoute([tcp, quic], { probes: 'none', policy: 'prefer_tcp' }).selected).toBe(tcp);
  });

  it('refuses what is too long for a provider, and names the reason', () => {
    const { candidates, error } = selectRoute([{ ...tcp, maxFrameBytes: 10 }], { requestedMaxFrameBytes: 11 });
    expect(candidates).toEqual([{ transport: 'tcp', providerId: 'tcp', rank: undefined, rejection: 'limit-exceeded' }]);
    expect(error).toBe('no_viable_transport');
  });

  it.each(['fastest', 'force_udp', 'prefer_'])('refuses the policy %s', (policy) => {
    expect(() => selectRoute([tcp], { policy: policy as RoutePolicy })).toThrow(/policy: expected auto/);
  });
});
