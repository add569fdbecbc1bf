import { officialProviderId, type ProbeSample, type RouteTransport, selectRoute } from 'nnrp-runtime/transport';
import { type AdapterCases, plain } from './adapter-case.js';
import { expectSame } from './case-failure.js';
import { sessionSmoke } from './session-smoke.js';

function candidate(transport: RouteTransport) {
  return { id: officialProviderId(transport), transport };
}

/** As many probes of 32 KiB as the reference sends. */
function samples(elapsedUs: number, failed = false): ProbeSample[] {
  return Array.from({ length: 3 }, () => ({
    failed,
    elapsedUs,
    roundTripUs: failed ? undefined : elapsedUs,
    bytesSent: 32_768,
    bytesReceived: 16,
  }));
}

export const TRANSPORT_CASES: AdapterCases = {
  'l3.transport.probe.selection': plain(() => {
    const candidates = [candidate('quic'), candidate('tcp')];
    const take = (quic: readonly ProbeSample[], tcp: readonly ProbeSample[], policy: 'auto' | 'prefer_quic') =>
      selectRoute(candidates, {
        policy,
        probes: new Map([
          [officialProviderId('quic'), quic],
          [officialProviderId('tcp'), tcp],
        ]),
      });
    expectSame('with TCP faster', take(samples(900), samples(400), 'auto').selected?.transport, 'tcp');
    expectSame('with QUIC faster', take(samples(400), samples(900), 'auto').selected?.transport, 'quic');
    const fallen = take(samples(5, true), samples(900), 'prefer_quic');
    expectSame('with QUIC preferred and dead', fallen.selected?.transport, 'tcp');
    const quic = fallen.candidates.find(({ transport }) => transport === 'quic');
    expectSame('reason against QUIC', quic?.rejection, 'probe-failed');
    const none = take(samples(5, true), samples(5, true), 'auto');
    expectSame('with all dead', [none.selected, none.error], [undefined, 'no_viable_transport']);
  }),
  'l3.transport.tcp.session_smoke': plain(() => sessionSmoke('nnrp://127.0.0.1:0')),
  'l3.transport.quic.session_smoke': plain(() => sessionSmoke('nnrp+quic://127.0.0.1:0')),
};
