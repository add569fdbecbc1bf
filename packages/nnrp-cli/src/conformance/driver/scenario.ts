import type { RouteTransport } from 'nnrp-runtime/transport';
import {
  isJsonObject,
  type JsonObject,
  listMember,
  requireProtocol,
  SuiteFileError,
  textMember,
} from '../json-file.js';
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
  /** How it is to end. */
  readonly terminal: string;
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
  const host = member(given, 'host_route', 'resolved scenario');
  const requested = listMember(member(asked, 'host_route', 'scenario'), 'routes', 'scenario');
  const role = textMember(host, 'role', 'resolved scenario');
  if (role !== 'client' && role !== 'server')
    throw new SuiteFileError(`resolved scenario: role: client or server, got ${role}`);
  const routes = listMember(host, 'routes', 'resolved scenario').map((route, index) =>
    readRoute(route, requested[index] ?? route, `route ${index + 1}`),
  );
  const steps = Array.isArray(given['steps']) ? given['steps'].filter(isJsonObject) : [];
  const times = steps.map(({ timeout_ms: time }) => (typeof time === 'number' ? time : 0));
  const { expect } = given;
  return {
    id: textMember(given, 'id', 'resolved scenario'),
    role,
    applicationEndpoint: textMember(host, 'application_endpoint', 'resolved scenario'),
    routes,
    terminal: isJsonObject(expect) ? textMember(expect, 'terminal', 'expect') : 'success',
    timeoutMs: Math.max(0, ...times) + GRACE_MS,
  };
}

/** A file of one scenario, alone or as a manifest has it. */
function scenarioOf(file: JsonObject, where: string): JsonObject {
  if ('protocol_version' in file) requireProtocol(file, PROTOCOL_VERSION, where);
  if ('host_route' in file) return file;
  const { scenario, scenarios } = file;
  const [only] = Array.isArray(scenarios) ? (scenarios as unknown[]) : [scenario];
  if (isJsonObject(only) && 'host_route' in only) return only;
  throw new SuiteFileError(`${where}: expected a scenario with host_route`);
}

function readRoute(route: JsonObject, requested: JsonObject, where: string): ScenarioRoute {
  const transport = textMember(route, 'transport', where);
  if (!TRANSPORTS.includes(transport))
    throw new SuiteFileError(`${where}: transport ${transport.slice(0, 40)} is not known`);
  const failures = route['injected_failures'];
  return {
    transport: transport as RouteTransport,
    providerId: textMember(route, 'provider_id', where),
    requestedLocator: textMember(requested, 'locator', where),
    locator: textMember(route, 'locator', where),
    securityMode: textMember(member(route, 'security', where), 'mode', where),
    injectedFailures: Array.isArray(failures) ? failures.map(String) : [],
  };
}

function member(object: JsonObject, name: string, where: string): JsonObject {
  const value = object[name];
  if (isJsonObject(value)) return value;
  throw new SuiteFileError(`${where}: ${name}: expected an object`);
}
