import type { ProtocolAdvice } from '../../connection/errors/framing-error.js';

/** What comes to a server by mistake. */
export const NO_CLIENT: ProtocolAdvice = {
  TLS: 'the peer speaks TLS, which this server does not: use bindTls or nnrps:// here, or connectTcp or nnrp:// there',
  HTTP: 'the peer speaks HTTP: it is a browser, a probe or a scanner',
  'HTTP/2': 'the peer speaks HTTP/2, as gRPC does',
  SSH: 'the peer speaks SSH',
  PROXY: 'the peer speaks the PROXY protocol: switch it off in the load balancer',
};
