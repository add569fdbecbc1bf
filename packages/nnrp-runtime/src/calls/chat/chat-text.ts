import { isObject, member } from '../../base/json.js';

/** The text of a message: itself, or that of its parts, `[{ type: 'text', text: '...' }]`; empty where it has none. */
export function messageText(content: unknown): string {
  if (typeof content === 'string') return content;
  return Array.isArray(content) ? content.map(textOfPart).join('') : '';
}

function textOfPart(part: unknown): string {
  const text = isObject(part) && member(part, 'type') === 'text' ? member(part, 'text') : undefined;
  return typeof text === 'string' ? text : '';
}
