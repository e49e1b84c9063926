import { describe, expect, it } from 'vitest';
import { filterOf, readSearch } from './library-search';

describe('the library’s address', () => {
  it('says what is looked for', () => {
    expect(readSearch({ q: 'cat', show: 'failed' })).toEqual({ q: 'cat', show: 'failed' });
    expect(readSearch({ q: 2026 })).toEqual({ q: '2026' });
  });

  it.each([{ show: 'all' }, { show: 'purple' }, { q: '' }, { q: ['a'] }, {}])('%j looks for everything', (search) => {
    expect(readSearch(search)).toEqual({});
  });

  it('never asks for more words than the server takes', () => {
    expect(readSearch({ q: 'x'.repeat(500) }).q).toHaveLength(200);
  });
});

describe('what the server is asked for', () => {
  it.each([
    [{}, {}],
    [{ q: ' cat ' }, { q: 'cat' }],
    [{ q: '   ' }, {}],
    [{ show: 'processing' }, { state: 'processing' }],
    [
      { show: 'banner', q: 'sea' },
      { q: 'sea', slot: 'banner' },
    ],
  ] as const)('for %j is %j', (search, filter) => {
    expect(filterOf(search)).toEqual(filter);
  });
});
