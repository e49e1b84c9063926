import { describe, expect, it } from 'vitest';
import { avatarAddress, avatarSnippet } from './avatar-address';

describe('the address of an avatar', () => {
  it('says whose and how large', () => {
    expect(avatarAddress('https://pics.example', 'ada', 160)).toBe('https://pics.example/avatar/ada?s=160');
    expect(avatarAddress('https://pics.example', 'ada')).toBe('https://pics.example/avatar/ada');
  });
});

describe('the snippet for a page', () => {
  it('shows it sharp', () => {
    expect(avatarSnippet('https://pics.example', 'ada', 'Ada', 80)).toBe(
      '<img src="https://pics.example/avatar/ada?s=160" width="80" height="80" alt="Ada">',
    );
  });

  it('cannot be broken by a name', () => {
    expect(avatarSnippet('https://pics.example', 'ada', '"><script>&', 80)).toContain(
      'alt="&quot;&gt;&lt;script&gt;&amp;"',
    );
  });
});
