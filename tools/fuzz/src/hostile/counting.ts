import type { FramedListener, FramedTransport, PacketSink } from 'nnrp-runtime/transport';

/** Tells of every packet that the connections of a listener hand over: what a connection never reads is no attack. */
export function counting(listener: FramedListener, count: () => void): FramedListener {
  return {
    kind: listener.kind,
    address: listener.address,
    accept: async () => counted(await listener.accept(), count),
    close: () => listener.close(),
  };
}

function counted(transport: FramedTransport, count: () => void): FramedTransport {
  const start = transport.start.bind(transport);
  transport.start = (sink) => start(countingSink(sink, count));
  return transport;
}

function countingSink(sink: PacketSink, count: () => void): PacketSink {
  return {
    packet: (packet) => {
      count();
      sink.packet(packet);
    },
    broken: (fault) => sink.broken(fault),
    drained: () => sink.drained(),
    closed: (error) => sink.closed(error),
    ...(sink.peerEnded !== undefined && { peerEnded: () => sink.peerEnded?.() }),
    ...(sink.unsent !== undefined && { unsent: (head, error) => sink.unsent?.(head, error) }),
  };
}
