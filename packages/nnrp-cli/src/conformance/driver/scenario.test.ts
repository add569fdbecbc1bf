import { describe, expect, it } from 'vitest';
import { readScenario } from './scenario.js';

const PLAIN = { transport: 'tcp', provider_id: 'nnrp.transport.tcp.native' };

function scenario(change: object = {}, route: object = {}, host: object = {}) {
  const routes = [{ ...PLAIN, locator: 'tcp://127.0.0.1:5', ...route }];
  return {
    id: 'wire.host-route.any',
    host_route: { role: 'client', application_endpoint: 'nnrp://host-route.test', routes, ...host },
    steps: [{ timeout_ms: 1000 }],
    expect: { terminal: 'error' },
    ...change,
  };
}

const read = (given: object) => readScenario(given as never, given as never);

describe('a scenario of host routes', () => {
  it('is read alone and as a manifest has it', () => {
    const manifest = { protocol_version: 'nnrp-1-preview4', manifest_name: 'any', scenarios: [scenario()] };
    expect(read(manifest)).toEqual(read(scenario()));
    expect(read(scenario())).toMatchObject({ role: 'client', terminal: 'error', timeoutMs: 11_000 });
  });

  it('has a role, or a mode that tells it', () => {
    const roleless = (mode: unknown) => read(scenario({ mode }, {}, { role: undefined })).role;
    expect(['suite_as_server', 'suite_as_client'].map(roleless)).toEqual(['client', 'server']);
    expect(() => roleless('suite_as_proxy')).toThrow('client or server');
    expect(() => read(scenario({}, {}, { role: 'other' }))).toThrow('got other');
  });

  it.each([
    ['an object', 'nnrp', { security: { mode: 'wss' } }, 'wss'],
    ['a name', 'nnrp', { security: 'plain' }, 'plain'],
    ['a name of its own', 'nnrp', { security_mode: 'mutual_tls' }, 'mutual_tls'],
    ['nothing, and an endpoint in plain', 'nnrp', {}, 'plain'],
    ['nothing, and one that is encrypted', 'nnrps', {}, 'tls_server_auth'],
  ])('has routes whose security is %s', (_name, scheme, route, mode) => {
    const host = { application_endpoint: `${scheme}://host-route.test` };
    const [only] = read(scenario({}, route)).routes;
    const { routes } = read(scenario({}, {}, host));
    expect(Object.keys(route).length === 0 ? routes[0]?.securityMode : only?.securityMode).toBe(mode);
  });

  it('has failures by name, or as objects that have one', () => {
    const failures = ['bind_failure', { kind: 'route_unresolved' }, { type: 'security_incompatible' }];
    const [route] = read(scenario({}, { injected_failures: failures })).routes;
    expect(route?.injectedFailures).toEqual(['bind_failure', 'route_unresolved', 'security_incompatible']);
  });

  it('has the locators of the suite by provider, in whatever order the other file has its routes', () => {
    const ipc = { transport: 'ipc', provider_id: 'nnrp.transport.ipc.native' };
    const routes = (tcpAt: string, ipcAt: string) => [
      { ...PLAIN, locator: tcpAt },
      { ...ipc, locator: ipcAt },
    ];
    const asked = scenario({}, {}, { routes: routes('suite://allocate/tcp', 'suite://allocate/ipc') });
    const given = scenario({}, {}, { routes: routes('tcp://127.0.0.1:5', 'unix:///x').reverse() });
    const read = readScenario(asked as never, given as never).routes.map((route) => [
      route.requestedLocator,
      route.locator,
    ]);
    expect(read).toEqual([
      ['suite://allocate/ipc', 'unix:///x'],
      ['suite://allocate/tcp', 'tcp://127.0.0.1:5'],
    ]);
  });

  it('says how it ends, or leaves it open', () => {
    expect(read(scenario({ expect: undefined })).terminal).toBeUndefined();
    expect(read(scenario({ expect: { selected: 1 } })).terminal).toBeUndefined();
    expect(read(scenario({ expect: undefined, expectation: { terminal: 'success' } })).terminal).toBe('success');
  });

  it.each([
    ['routes', { host_route: { role: 'client' } }, 'host_route'],
    ['the protocol', { protocol_version: 'nnrp-1-preview3' }, 'protocol_version'],
    ['an id', { id: '' }, 'id'],
  ])('is refused without %s', (_name, change, text) => {
    expect(() => read(scenario(change))).toThrow(text);
  });
});
