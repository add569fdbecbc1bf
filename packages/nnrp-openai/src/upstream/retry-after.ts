const MAX_MS = 0x7fffffff;

/** What a response advises, in milliseconds; 0 = nothing. A date counts from that of the response, whatever the clock here says, if it has one. */
export function retryAfterMs(headers: Readonly<Record<string, string | string[] | undefined>>): number {
  const exact = one(headers['retry-after-ms']);
  const advice = one(headers['retry-after']);
  if (/^\d{1,12}(\.\d+)?$/.test(exact)) return atMost(Math.ceil(Number(exact)));
  if (/^\d{1,12}(\.\d+)?$/.test(advice)) return atMost(Math.ceil(Number(advice) * 1000));
  const nowMs = Date.parse(one(headers['date']));
  return atMost(Date.parse(advice) - (Number.isNaN(nowMs) ? Date.now() : nowMs));
}

function one(value: string | string[] | undefined): string {
  return (Array.isArray(value) ? value[0] : value) ?? '';
}

function atMost(ms: number): number {
  return ms > 0 ? Math.min(ms, MAX_MS) : 0;
}
