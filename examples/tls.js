import { readFileSync } from 'node:fs';
import { NnrpClient, NnrpServer } from 'nnrp-runtime';

const file = (name) => readFileSync(`${process.argv[2] ?? 'certificates'}/${name}`);

const server = await NnrpServer.bindTls(
  '127.0.0.1:0',
  {
    certificateChain: file('server.pem'),
    privateKey: file('server-key.pem'),
    clientCertificates: 'require', // leave these two out to take any client
    clientRoots: file('root.pem'),
  },
  {
    authorize(_open, { peerIdentity }) {
      console.log(peerIdentity?.subject);
      return peerIdentity?.authorized === true; // anything but true refuses
    },
  },
);
server.serve({ submit: ({ body }) => body });

const client = await NnrpClient.connectTls(server.localAddress, {
  roots: file('root.pem'), // leave out to trust the roots of the platform
  certificateChain: file('client.pem'),
  privateKey: file('client-key.pem'),
});
const session = await client.openSession();
const answer = await session.request('said in private');
console.log(answer.text());

await client.close();
await server.close();
