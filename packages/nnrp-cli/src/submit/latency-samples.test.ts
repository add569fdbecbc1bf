import { describe, expect, it } from 'vitest';
import { LatencySamples } from './latency-samples.js';

describe('LatencySamples', () => {
  it('gives quantiles of what was added, in any order', () => {
    const samples = new LatencySamples();
    for (let ms = 100; ms >= 1; ms--) samples.add(ms);
    expect(samples.quantile(0.5)).toBe(51);
    expect(samples.quantile(0.99)).toBe(100);
    expect(samples.quantile(0)).toBe(1);
  });

  it('gives 0 when there is nothing', () => {
    expect(new LatencySamples().quantile(0.99)).toBe(0);
  });
});
