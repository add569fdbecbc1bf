import type { ProtocolAdvice } from '../../connection/errors/framing-error.js';

/** What answers a client by mistake. */
export const NO_SERVER: ProtocolAdvice = {
  TLS: 'the peer speaks TLS: use connectTls or nnrps://',
  HTTP: 'the peer answered with HTTP: a web server or a proxy listens there',
  'HTTP/2': 'the peer speaks HTTP/2, as gRPC does',
  SSH: 'the peer speaks SSH',
  PROXY: 'the peer speaks the PROXY protocol of load balancers',
};
