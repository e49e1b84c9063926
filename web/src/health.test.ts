import { expect, test } from 'vitest';
import { healthOf, wantsReconnect } from './health';

const NOW = new Date(2026, 10, 21, 15, 0);
const ago = (minutes: number) => new Date(NOW.getTime() - minutes * 60_000).toISOString();
const works: Parameters<typeof healthOf>[0] = {
  state: 'healthy',
  checked_at: ago(5),
  expires_at: null,
  unreachable_since: null,
  leaving: false,
  waiting_targets: 0,
};
const words = (known: Partial<typeof works>) => healthOf({ ...works, ...known }, NOW).words;

test('an account that works is said to, with when it was seen', () => {
  expect(words({})).toBe('Works, seen 5 minutes ago');
  expect(words({ checked_at: null })).toBe('Connected, not looked at yet');
});

test('a look that came after the clock was read was just now', () => {
  expect(words({ checked_at: ago(-1) })).toBe('Works, seen just now');
});

test('a platform that does not answer is named with the time, and with the day where that is another', () => {
  expect(words({ unreachable_since: ago(58) })).toBe('Does not answer since 14:02, nothing is lost');
  expect(words({ unreachable_since: ago(24 * 60) })).toBe('Does not answer since 20 Nov, 15:00, nothing is lost');
});

test('what waits for a reconnect is counted', () => {
  const waiting = (updates: number) => words({ state: 'needs_reconnect', waiting_targets: updates });
  expect(waiting(0)).toBe('Connect again: until then no picture gets there');
  expect(waiting(1)).toBe('Connect again: 1 update goes out as soon as you do');
  expect(waiting(2)).toBe('Connect again: 2 updates go out as soon as you do');
});

test('an end of the access is a warning once it is near', () => {
  const near = { expires_at: new Date(2026, 11, 3).toISOString() };
  const far = { expires_at: new Date(2027, 0, 20).toISOString() };
  expect(words(near)).toBe('Access ends on 3 December: connect again');
  expect(words(far)).toBe('Works, seen 5 minutes ago');
  expect(wantsReconnect({ ...works, ...near }, NOW)).toBe(true);
  expect(wantsReconnect({ ...works, ...far }, NOW)).toBe(false);
});

test('an account that is being left asks for nothing more', () => {
  const leaving: typeof works = { ...works, leaving: true, state: 'needs_reconnect', unreachable_since: ago(5) };
  expect(words(leaving)).toBe('Putting pictures back, then it is disconnected');
  expect(wantsReconnect(leaving, NOW)).toBe(false);
});
