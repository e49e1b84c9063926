import { describe, expect, it } from 'vitest';
import { Toasts } from './toasts';

describe('toasts', () => {
  it('stand in the order in which they were said, until each is dismissed', () => {
    const toasts = new Toasts();
    let told = 0;
    toasts.subscribe(() => {
      told += 1;
    });
    toasts.say({ text: 'one' });
    toasts.say({ text: 'two' });
    const [first] = toasts.snapshot();
    toasts.dismiss(first?.id ?? 0);
    expect(toasts.snapshot().map((toast) => toast.text)).toEqual(['two']);
    expect(told).toBe(3);
  });

  it('go with the account', () => {
    const toasts = new Toasts();
    toasts.say({ text: 'one' });
    toasts.clear();
    expect(toasts.snapshot()).toEqual([]);
  });
});
