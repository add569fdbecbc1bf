import { bindQuic, connectQuic, QuicServerEndpointConfig } from 'nnrp-transport-quic';

// For one machine. With a certificate of yours: bindQuic(address, { certificateChain, privateKey }).
const { config, certificate } = QuicServerEndpointConfig.selfSignedLocalhost('127.0.0.1:0');
const server = await bindQuic(config);
server.serve({ submit: ({ body }) => body });

const client = await connectQuic(server.localAddress, {
  roots: certificate.certificateDer, // leave out to trust the roots of the platform
});
const session = await client.openSession();
const answer = await session.request('said over QUIC');
console.log(answer.text());

await client.close();
await server.close();
