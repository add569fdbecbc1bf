import { allOfPreview4Over } from '../../../nnrp-runtime/test/preview4/all-over.js';
import { quicCarrierWith } from '../support/quic-carrier.js';

// As the peers of the reference have it.
await allOfPreview4Over(quicCarrierWith({ alpn: false }));
