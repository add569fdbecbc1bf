import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Addresses } from './addresses.js';
import { AttackedClients } from './attacked-client.js';
import { attackedServer } from './attacked-server.js';
import { Attacker, type Sent } from './attacker.js';
import { HonestClients } from './honest-clients.js';
import { HostileServer } from './hostile-server.js';
import { Monitor } from './vitals.js';

/* The processes of a hostile run: each target of an attack has one of its own, so that its end is seen and its memory measured. */

export type Part = 'attacked server' | 'attacked clients' | 'attacker' | 'hostile server' | 'honest clients';

/** What a process is to be. */
export interface Casting {
  readonly part: Part;
  readonly seed: number;
  readonly to?: Addresses;
  /** Connections of an attacker, and when it has sent enough. */
  readonly numbers?: readonly number[];
  readonly packets?: number;
}

const PROGRAM = fileURLToPath(new URL('./process.js', import.meta.url));

/** A process of the run, as the process sees it that has started it. */
export class Player {
  /** How it ended before it was told to. */
  death: string | undefined;
  private dismissed = false;
  private readonly child: ChildProcess;

  constructor(readonly casting: Casting) {
    this.child = fork(PROGRAM, [], { env: { ...process.env, NNRP_FUZZ_CASTING: JSON.stringify(casting) } });
    this.child.on('exit', (code, signal) => {
      if (!this.dismissed) this.death = `the process of ${casting.part} ended with ${code ?? signal}`;
    });
  }

  /** @returns undefined when the process has ended */
  ask<T>(question: string): Promise<T | undefined> {
    return new Promise((resolve) => {
      if (!this.child.connected) return resolve(undefined);
      const ended = () => resolve(undefined);
      this.child.once('exit', ended);
      this.child.once('message', (answer) => {
        this.child.off('exit', ended);
        resolve(answer as T);
      });
      this.child.send(question);
    });
  }

  dismiss(): void {
    this.dismissed = true;
    this.child.kill('SIGKILL');
  }
}

/** The other end: plays its part, and answers one question after the other. */
export function play({ part, seed, to, numbers = [], packets = 0 }: Casting): void {
  const monitor = part.startsWith('attacked') ? new Monitor() : undefined;
  const answers = cast(part, monitor);
  process.on('message', (question: string) => {
    const answer = question === 'vitals' || question === 'settle' ? monitor?.take(question === 'settle') : undefined;
    Promise.resolve(answer ?? answers[question]?.()).then((said) => process.send?.(said ?? null));
  });
  process.on('disconnect', () => process.exit(0));

  function cast(which: Part, watched: Monitor | undefined): Record<string, () => unknown> {
    if (which === 'attacked server') return { begin: () => attackedServer(watched as Monitor) };
    if (which === 'hostile server') {
      const server = new HostileServer(seed);
      return { begin: () => server.listen(), sent: () => server.sent };
    }
    if (which === 'honest clients') {
      const clients = new HonestClients();
      return { begin: () => clients.begin(to as Addresses), end: () => clients.end(), got: () => clients.got };
    }
    if (which === 'attacked clients') {
      const clients = new AttackedClients(to as Addresses, seed, watched as Monitor);
      return {
        begin: () => void clients.run(),
        end: () => {
          clients.isOver = true;
        },
      };
    }
    const attacker = new Attacker(to as Addresses, seed, packets);
    let isDone = false;
    const run = async () => {
      await attacker.run(numbers);
      isDone = true;
    };
    return { begin: () => void run(), sent: (): Sent & { isDone: boolean } => ({ ...attacker.sent, isDone }) };
  }
}
