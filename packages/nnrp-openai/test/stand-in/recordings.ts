/* What model servers send, as it was seen, with ids and texts changed. */

const HEAD = {
  id: 'chatcmpl-Ab12',
  object: 'chat.completion.chunk',
  created: 1764355200,
  model: 'small-1',
  system_fingerprint: 'fp_1',
};
export const USAGE = {
  prompt_tokens: 9,
  completion_tokens: 5,
  total_tokens: 14,
  prompt_tokens_details: { cached_tokens: 0 },
};
export const TEXT = ['Grüße', ', ', 'wörld ', '👩‍🚀', ' "quoted"\n', '\u2028line', ' end.'];

export function data(value: unknown): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}

export function chunk(delta: object, finish_reason: string | null = null, index = 0, more: object = {}): object {
  return { ...HEAD, choices: [{ index, delta, logprobs: null, finish_reason }], ...more };
}

/** A text as OpenAI streams it. */
export const CHAT = [
  data(chunk({ role: 'assistant', content: '', refusal: null })),
  ...TEXT.map((content) => data(chunk({ content }))),
  data(chunk({}, 'stop')),
  'data: [DONE]\n\n',
].join('');

/** The same where usage was asked for: each chunk has a member for it, and one more has nothing else. */
export const CHAT_WITH_USAGE = [
  data(chunk({ role: 'assistant', content: '', refusal: null }, null, 0, { usage: null })),
  ...TEXT.map((content) => data(chunk({ content }, null, 0, { usage: null }))),
  data(chunk({}, 'stop', 0, { usage: null })),
  data({ ...HEAD, choices: [], usage: USAGE }),
  'data: [DONE]\n\n',
].join('');

/** As other servers write: carriage returns, comments, events with names and ids, data on several lines, fields without a space. */
export const ODD = [
  ': ping\r\n\r\n',
  'event: message\r\nid: 7\r\nretry: 100\r\n',
  `data:${JSON.stringify(chunk({ role: 'assistant', content: 'odd ' }))}\r\n\r\n`,
  `data: ${JSON.stringify(chunk({ content: 'lines' })).replace(',"object"', '\ndata: ,"object"')}\n\n`,
  ': another comment\n',
  `data: ${JSON.stringify(chunk({ content: null, reasoning_content: 'because' }))}\r\r`,
  data(chunk({ content: '!' }, 'stop')),
  'data: [DONE]\r\n\r\n',
].join('');

/** Two tool calls whose arguments come in pieces. */
export const TOOLS = [
  data(
    chunk({
      role: 'assistant',
      content: null,
      tool_calls: [{ index: 0, id: 'call_a', type: 'function', function: { name: 'weather', arguments: '' } }],
    }),
  ),
  ...['{"ci', 'ty":"', 'Köln"}'].map((text) =>
    data(chunk({ tool_calls: [{ index: 0, function: { arguments: text } }] })),
  ),
  data(
    chunk({ tool_calls: [{ index: 1, id: 'call_b', type: 'function', function: { name: 'time', arguments: '{}' } }] }),
  ),
  data(chunk({}, 'tool_calls')),
  'data: [DONE]\n\n',
].join('');

/** Two choices, their pieces mixed. */
export const CHOICES = [
  data(chunk({ role: 'assistant', content: '' }, null, 0)),
  data(chunk({ role: 'assistant', content: '' }, null, 1)),
  ...['a', 'b', 'c'].flatMap((text) => [
    data(chunk({ content: text }, null, 0)),
    data(chunk({ content: text.toUpperCase() }, null, 1)),
  ]),
  data(chunk({}, 'stop', 1)),
  data(chunk({}, 'length', 0)),
  'data: [DONE]\n\n',
].join('');

const COMPLETION = { id: 'cmpl-1', object: 'text_completion', created: 1764355200, model: 'small-1' };
export const COMPLETIONS = [
  ...['once ', 'upon'].map((text) =>
    data({ ...COMPLETION, choices: [{ index: 0, text, logprobs: null, finish_reason: null }] }),
  ),
  data({ ...COMPLETION, choices: [{ index: 0, text: '', logprobs: null, finish_reason: 'length' }] }),
  'data: [DONE]\n\n',
].join('');

export const WHOLE = {
  ...HEAD,
  object: 'chat.completion',
  choices: [
    {
      index: 0,
      message: { role: 'assistant', content: TEXT.join(''), refusal: null, annotations: [] },
      logprobs: null,
      finish_reason: 'stop',
    },
  ],
  usage: USAGE,
  service_tier: 'default',
};
