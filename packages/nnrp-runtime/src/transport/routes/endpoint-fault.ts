/** Why an endpoint is refused; the names are those of the reference. */
export type EndpointFault =
  | 'InvalidEndpoint'
  | 'UnsupportedApplicationScheme'
  | 'ApplicationCredentialsNotAllowed'
  | 'FragmentNotAllowed'
  | 'UnsupportedProviderScheme'
  | 'EmptyProviderLocator';

const TEXTS: Readonly<Record<EndpointFault, string>> = {
  InvalidEndpoint: 'it is no URI of that form',
  UnsupportedApplicationScheme: 'an application is named by nnrp:// or nnrps://',
  ApplicationCredentialsNotAllowed: 'credentials have no place in it',
  FragmentNotAllowed: 'a fragment (#) has no place in it',
  UnsupportedProviderScheme: 'a route is named by tcp://, quic://, unix://, npipe://, ws:// or wss://',
  EmptyProviderLocator: 'nothing follows the scheme',
};

/** What a fault means, for people. */
export function describeEndpointFault(fault: EndpointFault): string {
  return TEXTS[fault];
}

/** The parts of `authority`. A port that is no number up to 65535 makes it undefined. */
export interface AuthorityParts {
  readonly host: string;
  readonly port: number | undefined;
  readonly hasCredentials: boolean;
}

/** Characters of an authority, with those of user information; a host in brackets is checked apart. */
const AUTHORITY = /^[A-Za-z0-9\-._~!$&'()*+,;=:@%[\]]+$/;
const HOST_PORT = /^(\[[0-9A-Fa-f:.]+\]|[^:[\]]+)(?::(\d{1,5}))?$/;
/** What path and query may have: no space, no control, nothing outside of ASCII, and none of these. */
const PATH_AND_QUERY = /^[!-~]*$/;
const NOT_IN_PATHS = /[<>\\^`]/;

/** The parts of an authority; undefined when it is none. */
export function authorityParts(authority: string): AuthorityParts | undefined {
  if (!AUTHORITY.test(authority)) return undefined;
  const at = authority.lastIndexOf('@');
  const match = HOST_PORT.exec(authority.slice(at + 1));
  if (match === null) return undefined;
  const [, host = '', digits] = match;
  const port = digits === undefined ? undefined : Number(digits);
  if (port !== undefined && port > 65_535) return undefined;
  return { host, port, hasCredentials: at >= 0 };
}

export function isPathAndQuery(text: string): boolean {
  return PATH_AND_QUERY.test(text) && !NOT_IN_PATHS.test(text);
}
