import diagnostics from 'node:diagnostics_channel';
import type { DiagnosticsMessages } from '../../src/base/diagnostics/messages.js';

type Name = keyof DiagnosticsMessages;

export const NAMES: readonly Name[] = [
  'nnrp:connection:open',
  'nnrp:connection:end',
  'nnrp:session:open',
  'nnrp:session:end',
  'nnrp:session:refuse',
  'nnrp:call:submit',
  'nnrp:operation:submit',
  'nnrp:operation:start',
  'nnrp:operation:result',
  'nnrp:operation:end',
  'nnrp:operation:refuse',
  'nnrp:packet:receive',
  'nnrp:packet:send',
  'nnrp:recovery:suspend',
  'nnrp:recovery:resume',
  'nnrp:recovery:lose',
];

/** Listens to channels until it is cleared, and keeps what they say. */
export class ChannelLog {
  private readonly kept: [Name, object][] = [];
  private readonly ends: (() => void)[] = [];

  listen<N extends Name>(name: N, listener?: (message: DiagnosticsMessages[N]) => void): this {
    const heard = (message: unknown) => {
      this.kept.push([name, message as object]);
      listener?.(message as DiagnosticsMessages[N]);
    };
    diagnostics.subscribe(name, heard);
    this.ends.push(() => diagnostics.unsubscribe(name, heard));
    return this;
  }

  listenToAll(): this {
    for (const name of NAMES) this.listen(name);
    return this;
  }

  of<N extends Name>(name: N): DiagnosticsMessages[N][] {
    return this.kept.filter(([of]) => of === name).map(([, message]) => message as DiagnosticsMessages[N]);
  }

  clear(): void {
    for (const end of this.ends.splice(0)) end();
    this.kept.length = 0;
  }
}
