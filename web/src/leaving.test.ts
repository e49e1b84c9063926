import { describe, expect, it } from 'vitest';
import { Leaving } from './leaving';

describe('leaving', () => {
  it('is allowed where nobody would lose anything', async () => {
    expect(await new Leaving().isAllowed()).toBe(true);
  });

  it('is allowed only when all who are asked let go', async () => {
    const leaving = new Leaving();
    leaving.guard(async () => true);
    leaving.guard(async () => false);
    expect(await leaving.isAllowed()).toBe(false);
  });

  it('does not ask whoever has nothing to lose any more', async () => {
    const leaving = new Leaving();
    const letGo = leaving.guard(async () => false);
    letGo();
    expect(await leaving.isAllowed()).toBe(true);
  });
});
