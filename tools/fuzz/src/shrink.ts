import type { Conversation, Step } from './conversation.js';

/**
 * The shortest conversation that still fails, by leaving out steps: halves first, single ones at last, as far as the time goes.
 *
 * @param fails - plays a conversation on a stage of its own
 */
export async function shrink(
  conversation: Conversation,
  fails: (candidate: Conversation) => Promise<boolean>,
  maxMs = 60_000,
): Promise<Conversation> {
  let steps: readonly Step[] = conversation.steps;
  const endMs = performance.now() + maxMs;
  for (let size = Math.ceil(steps.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < steps.length && performance.now() < endMs; ) {
      const fewer = [...steps.slice(0, at), ...steps.slice(at + size)];
      if (await fails({ ...conversation, steps: fewer })) steps = fewer;
      else at += size;
    }
  }
  return { ...conversation, steps };
}

/** A conversation for people: one line for each step. */
export function describeConversation({ role, carrier, style, seed, steps }: Conversation): string {
  const lines = steps.map((step) => {
    switch (step.do) {
      case 'reach':
        return `  reach ${step.state}`;
      case 'call':
        return `  the application calls ${step.call}`;
      case 'rest':
        return `  rest ${step.ms} ms`;
      case 'leave':
        return `  leave: ${step.how}`;
      default: {
        const marks = [step.how, step.cuts && `cut at ${step.cuts}`, step.joined && 'joined', step.second && 'second'];
        return `  say ${step.name} (${marks.filter(Boolean).join('; ') || 'valid'}) ${step.hex}`;
      }
    }
  });
  return [`attack on the ${role} over ${carrier}, style ${style}, seed ${seed}`, ...lines].join('\n');
}
