import type { Meter } from '@opentelemetry/api';
import type { BoundName, NnrpServer } from 'nnrp-runtime';

/** What waits or runs, and what is held, that only the server itself knows. */
const GAUGES: Readonly<Record<string, BoundName>> = {
  'nnrp.server.operations.queued': 'queuedOperations',
  'nnrp.server.operations.running': 'runningOperations',
  'nnrp.server.operations.suspended': 'suspendedOperations',
  'nnrp.server.sessions': 'sessions',
  'nnrp.server.sessions.waiting': 'suspendedSessions',
  'nnrp.server.connections': 'connections',
};

/** Measures a server whenever measurements are collected. @returns stops measuring */
export function observedServer(meter: Meter, server: NnrpServer): () => void {
  const gauges = Object.entries(GAUGES).map(([name, bound]) => [meter.createObservableGauge(name), bound] as const);
  const instruments = gauges.map(([gauge]) => gauge);
  const observe: Parameters<Meter['addBatchObservableCallback']>[0] = (result) => {
    const stats = server.stats();
    for (const [gauge, bound] of gauges) {
      const value = stats[bound]?.value;
      if (value !== undefined) result.observe(gauge, value, { 'server.address': server.localAddress });
    }
  };
  meter.addBatchObservableCallback(observe, instruments);
  return () => meter.removeBatchObservableCallback(observe, instruments);
}
