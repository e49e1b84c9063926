import { describe, expect, it } from 'vitest';
import { lastDays } from './span';

describe('the last days', () => {
  const evening = new Date(2026, 2, 31, 23, 59);

  it('begin and end at midnight where the reader is, today included', () => {
    const span = lastDays(7, evening);
    expect(new Date(span.start)).toEqual(new Date(2026, 2, 25));
    expect(new Date(span.end)).toEqual(new Date(2026, 3, 1));
  });

  it('are the same all day long', () => {
    expect(lastDays(30, new Date(2026, 2, 31, 0, 1))).toEqual(lastDays(30, evening));
  });
});
