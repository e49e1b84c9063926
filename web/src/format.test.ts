import { describe, expect, it } from 'vitest';
import { formatBytes, formatDuration, formatMediaType, formatPixels, formatRelative, formatUpcoming } from './format';

describe('figures for people', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1 kB'],
    [12_345, '12.3 kB'],
    [999_949, '999.9 kB'],
    [999_950, '1 MB'],
    [4_000_000, '4 MB'],
    [999_950_000, '1 GB'],
    [2_140_000_000, '2.1 GB'],
  ])('writes %d bytes as %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  it.each([
    ['image/jpeg', 'JPEG'],
    ['image/svg+xml', 'SVG'],
    ['odd', 'ODD'],
  ])('names %s %s', (mediaType, text) => {
    expect(formatMediaType(mediaType)).toBe(text);
  });

  it('writes pixels', () => {
    expect(formatPixels(400, 300)).toBe('400 × 300 px');
  });

  it.each([
    [0.42, '0.4 s'],
    [59.5, '59.5 s'],
    [60, '1 min'],
    [61.2, '1 min 1 s'],
    [3600, '1 h'],
    [5400, '1 h 30 min'],
  ])('writes %d seconds as %s', (seconds, text) => {
    expect(formatDuration(seconds)).toBe(text);
  });

  const now = new Date('2026-06-15T12:00:00Z');
  it.each([
    ['2026-06-15T11:59:40Z', 'just now'],
    ['2026-06-15T12:00:10Z', 'in a moment'],
    ['2026-06-15T11:59:05Z', '1 minute ago'],
    ['2026-06-15T12:20:00Z', 'in 20 minutes'],
    ['2026-06-15T09:00:00Z', '3 hours ago'],
    ['2026-06-14T11:00:00Z', 'yesterday'],
    ['2026-06-12T12:00:00Z', '3 days ago'],
  ])('says %s as %s', (at, text) => {
    expect(formatRelative(new Date(at), now)).toBe(text);
  });

  it('writes the date of what is long ago', () => {
    expect(formatRelative(new Date('2026-01-02T12:00:00Z'), now)).toContain('2026');
  });

  // Without a zone, so that it is the reader's own clock wherever this runs.
  it.each([
    ['2026-06-15T11:59:00', 'in a moment'],
    ['2026-06-15T12:00:30', 'in a moment'],
    ['2026-06-15T14:20:00', '14:20'],
    ['2026-06-16T04:10:00', 'tomorrow, 04:10'],
    ['2026-06-18T04:10:00', 'Thursday, 04:10'],
    ['2026-06-22T04:10:00', '22 Jun 2026, 04:10'],
  ])('says that what is planned for %s comes %s', (at, text) => {
    expect(formatUpcoming(new Date(at), new Date('2026-06-15T12:00:00'))).toBe(text);
  });
});
