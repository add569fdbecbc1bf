import type { Conversation } from '../conversation.js';
import type { Coverage } from '../coverage.js';
import { samplesOf } from '../samples/samples-of.js';
import type { ProcessWatch, Violation } from '../watch.js';
import { ClientTarget } from './client-target.js';
import { ServerTarget } from './server-target.js';

type Target = ServerTarget | ClientTarget;

/** All targets of attacks; one of each kind lives for many conversations. */
export class Stage {
  private readonly targets = new Map<string, Target>();

  constructor(private readonly watch: ProcessWatch) {}

  /** Plays a conversation. @returns what must not happen, and has */
  async play(conversation: Conversation, coverage: Coverage): Promise<Violation[]> {
    const { role, carrier, style, steps, seed, revision = 'preview3' } = conversation;
    const samples = samplesOf(revision);
    const key = role === 'server' ? `${revision} ${role} ${carrier} ${style}` : `${revision} ${role} ${carrier}`;
    let target = this.targets.get(key);
    if (target?.isUsable !== true) {
      if (target !== undefined) await this.drop(key, target);
      target = await (role === 'server'
        ? ServerTarget.start(samples, carrier, style, this.watch)
        : ClientTarget.start(samples, carrier, this.watch));
      this.targets.set(key, target);
    }
    try {
      await target.play(steps, seed, coverage);
    } catch (error) {
      this.watch.add('the fuzzer itself', error);
    }
    const found = this.watch.take();
    // A target that has failed once proves nothing about the next conversation: another one takes its place.
    if (found.length > 0) await this.drop(key, target);
    return found;
  }

  async clear(): Promise<void> {
    for (const [key, target] of this.targets) await this.drop(key, target);
  }

  private async drop(key: string, target: Target): Promise<void> {
    this.targets.delete(key);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, Math.min(3000, this.watch.patienceMs));
    });
    await Promise.race([target.stop(), late]);
    clearTimeout(timer);
  }
}
