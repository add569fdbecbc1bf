import { X509Certificate } from 'node:crypto';
import { expect, it } from 'vitest';
import { peerIdentity } from '../../src/transport/contract/peer-identity.js';
import { issue } from '../support/certificates.js';

it('names of a certificate are text that no terminal obeys', async () => {
  const { certificate } = await issue({ name: 'CN=worker\u202e\u001b[2J\u009b2J', dns: ['\u001b[2J.example'] });
  const identity = peerIdentity({ asked: true, verified: true, certificate: new X509Certificate(certificate) });
  expect(identity.subject).toMatch(/^CN=worker\\u202e/);
  for (const text of [identity.subject, identity.subjectAltNames, JSON.stringify(identity)]) {
    expect(text).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  }
});

it('a long name is not cut: it tells one peer from another', async () => {
  const names = ['a', 'b'].map((end) => `CN=${'x'.repeat(5000)}${end}`);
  const subjects = names.map(async (name) => {
    const { certificate } = await issue({ name });
    return peerIdentity({ asked: true, verified: true, certificate: new X509Certificate(certificate) }).subject;
  });
  expect(await Promise.all(subjects)).toEqual(names);
});
