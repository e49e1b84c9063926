import { describe, expect, it } from 'vitest';
import { isServerPath, safeReturnPath } from './return-path';

describe('the way back after logging in', () => {
  it.each(['/', '/library', '/syncs/1?x=2#y'])('keeps %s', (path) => {
    expect(safeReturnPath(path)).toBe(path);
  });

  it.each([
    '//evil.example',
    '/\\evil.example',
    '/\t/evil.example',
    'https://evil.example',
    'javascript:alert(1)',
    '',
    7,
  ])('refuses %j', (path) => {
    expect(safeReturnPath(path)).toBeUndefined();
  });

  it('knows what is not a page', () => {
    expect(isServerPath('/v1/connections/callback/somewhere?code=1')).toBe(true);
    expect(isServerPath('/connections')).toBe(false);
  });
});
