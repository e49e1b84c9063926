import { describe, expect, it } from 'vitest';
import { tokenIn } from './fragment-token';

describe("the token of a letter's link", () => {
  it.each([
    ['token=a-b_1', 'a-b_1'],
    ['#token=a-b_1', 'a-b_1'],
    ['token=a-b_1&from=letter', 'a-b_1'],
    ['', undefined],
    ['#', undefined],
    ['token=', undefined],
    ['other=1', undefined],
  ])('%j holds %j', (fragment, token) => {
    expect(tokenIn(fragment)).toBe(token);
  });
});
