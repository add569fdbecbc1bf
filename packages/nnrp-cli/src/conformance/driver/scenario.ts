import type { RouteTransport } from 'nnrp-runtime/transport';
import { isJsonObject, type JsonObject } from '../../json/json-object.js';
import { listMember, requireProtocol, SuiteFileError, textMember } from '../json-file.js';
import { PROTOCOL_VERSION } from '../protocol.js';

/** One route of a scenario. */
export interface ScenarioRoute {
  readonly transport: RouteTransport;
  readonly providerId: string;
  /** As the suite wrote it, for the evidence. */
  readonly requestedLocator: string;
  /** Where it really goes. */
  readonly locator: string;
  readonly securityMode: string;
  /** What the suite tells the driver to do wrong. */
  readonly injectedFailures: readonly string[];
}

export interface Scenario {
  readonly id: string;
  readonly role: 'client' | 'server';
  readonly applicationEndpoint: string;
  readonly routes: readonly ScenarioRoute[];
  /** How it is to end; undefined when the scenario does not say. */
  readonly terminal: string | undefined;
  /** Milliseconds that the suite waits for this program. */
  readonly timeoutMs: number;
}

const TRANSPORTS: readonly string[] = ['tcp', 'quic', 'ipc', 'websocket'] satisfies RouteTransport[];
/** The suite gives a driver so much beside the time of a scenario's step. */
const GRACE_MS = 10_000;

/**
 * Reads a scenario. @param original - as the suite has it @param resolved - the same with locators filled in
 * @throws SuiteFileError
 */
export function readScenario(original: JsonObject, resolved: JsonObject): Scenario {
  const asked = scenarioOf(original, 'scenario');
  const given = scenarioOf(resolved, 'resolved scenario');
  const host = hostOf(given, 'resolved scenario');
  const requested = listMember(hostOf(asked, 'scenario'), 'routes', 'scenario');
  const role = roleOf(host, given);
  const applicationEndpoint = textMember(host, 'application_endpoint', 'resolved scenario');
  const routes = listMember(host, 'routes', 'resolved scenario').map((route, index) =>
    readRoute(route, originalOf(route, requested, index), applicationEndpoint, `route ${index + 1}`),
  );
  const steps = Array.isArray(given['steps']) ? given['steps'].filter(isJsonObject) : [];
  const times = steps.map(({ timeout_ms: time }) => (typeof time === 'number' ? time : 0));
  const expected = given['expect'] ?? given['expectation'] ?? given['expected'];
  return {
    id: textMember(given, 'id', 'resolved scenario'),
    role,
    applicationEndpoint,
    routes,
    terminal: isJsonObject(expected) && 'terminal' in expected ? textMember(expected, 'terminal', 'expect') : undefined,
    timeoutMs: Math.max(0, ...times) + GRACE_MS,
  };
}

/** A file of one scenario, alone or as a manifest has it. */
function scenarioOf(file: JsonObject, where: string): JsonObject {
  if ('protocol_version' in file) requireProtocol(file, PROTOCOL_VERSION, where);
  const { scenario, scenarios } = file;
  const [only] = Array.isArray(scenarios) ? (scenarios as unknown[]) : [scenario ?? file];
  return isJsonObject(only) ? only : file;
}

/** What it says of the host, with the routes. */
function hostOf(scenario: JsonObject, where: string): JsonObject {
  const hosts = [scenario['host_route'], scenario['host_routes'], scenario];
  const host = hosts.find((one) => isJsonObject(one) && Array.isArray(one['routes']));
  if (isJsonObject(host)) return host;
  throw new SuiteFileError(`${where}: expected a scenario with host_route`);
}

/** The same route before its locator was filled in. The two files need not have them in one order. */
function originalOf(route: JsonObject, requested: readonly JsonObject[], index: number): JsonObject {
  const isSame = (other: JsonObject) =>
    other['transport'] === route['transport'] && other['provider_id'] === route['provider_id'];
  const inPlace = requested[index];
  return inPlace !== undefined && isSame(inPlace) ? inPlace : (requested.find(isSame) ?? inPlace ?? route);
}

/** Where it is not said, the suite's own side says it: it is the server of a client. */
function roleOf(host: JsonObject, { mode }: JsonObject): 'client' | 'server' {
  const role = host['role'] ?? (mode === 'suite_as_server' ? 'client' : mode === 'suite_as_client' ? 'server' : '');
  if (role === 'client' || role === 'server') return role;
  throw new SuiteFileError(`resolved scenario: role: client or server, got ${String(role).slice(0, 40)}`);
}

function readRoute(route: JsonObject, requested: JsonObject, endpoint: string, where: string): ScenarioRoute {
  const transport = textMember(route, 'transport', where);
  if (!TRANSPORTS.includes(transport))
    throw new SuiteFileError(`${where}: transport ${transport.slice(0, 40)} is not known`);
  const failures = route['injected_failures'];
  const { security } = route;
  // A route that says nothing of it is as secure as the endpoint has to be.
  const mode = (isJsonObject(security) ? security['mode'] : security) ?? route['security_mode'];
  return {
    transport: transport as RouteTransport,
    providerId: textMember(route, 'provider_id', where),
    requestedLocator: textMember(requested, 'requested_locator' in requested ? 'requested_locator' : 'locator', where),
    locator: textMember(route, 'resolved_locator' in route ? 'resolved_locator' : 'locator', where),
    securityMode: typeof mode === 'string' ? mode : endpoint.startsWith('nnrps:') ? 'tls_server_auth' : 'plain',
    injectedFailures: Array.isArray(failures) ? failures.map(nameOfFailure) : [],
  };
}

/** A name, or an object that has one. */
function nameOfFailure(failure: unknown): string {
  return isJsonObject(failure) ? String(failure['kind'] ?? failure['type'] ?? '') : String(failure);
}
