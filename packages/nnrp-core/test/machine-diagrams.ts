import { CONNECTION_TRANSITIONS, OPERATION_TRANSITIONS, SESSION_TRANSITIONS } from '../src/index.js';
import { OperationStateName } from '../src/preview3.js';

/** The state diagrams of docs/machines.md, drawn from the tables that the machines run on, by the name of the machine. */
export function drawMachines(): Map<string, string> {
  return new Map([
    ['operation', drawOperation()],
    ['session', drawSession()],
    ['connection', drawConnection()],
  ]);
}

function drawOperation(): string {
  const lines = ['[*] --> accepted'];
  const name = (state: number) => OperationStateName[state] ?? String(state);
  for (const [from, targets] of Object.entries(OPERATION_TRANSITIONS)) {
    for (const to of targets) lines.push(`${name(Number(from))} --> ${name(to)}`);
    if (targets.length === 0) lines.push(`${name(Number(from))} --> [*]`);
  }
  return diagram(lines);
}

function drawSession(): string {
  const lines = ['[*] --> open: SESSION_OPEN_ACK opened', '[*] --> resumed: SESSION_OPEN_ACK resumed'];
  const labels: Record<string, string> = {
    close: 'SESSION_CLOSE',
    acknowledged: 'SESSION_CLOSE_ACK acknowledged',
    draining: 'SESSION_CLOSE_ACK draining',
    closed: 'SESSION_CLOSE_ACK closed',
    rejected: 'SESSION_CLOSE_ACK rejected',
    end: 'loss or error',
  };
  for (const [from, row] of Object.entries(SESSION_TRANSITIONS)) {
    for (const [input, target] of Object.entries(row)) {
      // A rejected close leads back to where it was asked for.
      const targets = target === 'before' ? ['open', 'resumed'] : [target];
      const condition = target === 'before' ? ' (where it was)' : '';
      for (const to of targets) lines.push(`${from} --> ${to}: ${labels[input] ?? input}${condition}`);
    }
  }
  return diagram([...lines, 'closed --> [*]']);
}

function drawConnection(): string {
  const lines = ['[*] --> open'];
  for (const [from, row] of Object.entries(CONNECTION_TRANSITIONS)) {
    for (const [input, to] of Object.entries(row)) lines.push(`${from} --> ${to}: ${input}`);
  }
  return diagram([...lines, 'closed --> [*]']);
}

function diagram(lines: readonly string[]): string {
  return ['```mermaid', 'stateDiagram-v2', ...lines.map((line) => `  ${line}`), '```'].join('\n');
}
