import { allOfPreview4Over } from '../../preview4/all-over.js';
import { tlsCarrier } from '../../support/tls-carrier.js';

await allOfPreview4Over(await tlsCarrier());
