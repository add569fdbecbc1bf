import type { Packet } from 'nnrp-core';
import { MessageType } from 'nnrp-core/preview3';
import { isPartialResult } from '../../src/connection/body/result-kind.js';
import type { FramedConnector, FramedTransport, PacketSink } from '../../src/transport/contract/contract.js';

/** What a layer that does wrong does to one of the results that pass by. */
export type Plant = 'drops a partial' | 'doubles a partial' | 'swaps two results' | 'drops a last result';

/** So many results pass by before. */
const SPARED = 40;

/** A connector whose connections do wrong to one result, once. */
export function planted(connector: FramedConnector, plant: Plant): FramedConnector {
  let results = 0;
  let isDone = false;
  let held: Packet | undefined;
  const pass = (sink: PacketSink, packet: Packet) => {
    const isResult = packet.messageType === MessageType.ResultPush;
    if (held !== undefined && isResult && packet.frameId === held.frameId && packet.sessionId === held.sessionId) {
      const late = held;
      held = undefined;
      sink.packet(packet);
      sink.packet(late);
      return;
    }
    const isTurn = isResult && !isDone && ++results > SPARED;
    if (!isTurn || isPartialResult(packet, false) === (plant === 'drops a last result')) {
      sink.packet(packet);
      return;
    }
    isDone = true;
    if (plant === 'swaps two results') held = packet;
    if (plant === 'doubles a partial') {
      sink.packet(packet);
      sink.packet(packet);
    }
  };
  return {
    kind: connector.kind,
    connect: async () => {
      const transport = await connector.connect();
      const start = transport.start.bind(transport);
      return Object.assign(transport, { start: (sink: PacketSink) => start(through(sink, pass)) }) as FramedTransport;
    },
  };
}

function through(sink: PacketSink, pass: (sink: PacketSink, packet: Packet) => void): PacketSink {
  return {
    packet: (packet) => pass(sink, packet),
    broken: (fault) => sink.broken(fault),
    oversized: (head, fault) => sink.oversized?.(head, fault) ?? false,
    drained: () => sink.drained(),
    unsent: (head, error) => sink.unsent?.(head, error),
    closed: (error) => sink.closed(error),
  };
}
