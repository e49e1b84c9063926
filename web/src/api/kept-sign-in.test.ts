import { describe, expect, it } from 'vitest';
import { ensureKept } from './kept-sign-in';
import { Problem } from './problem';

const refusing = (status: number) => () => Promise.reject(Problem.read(status, new Headers(), ''));

describe('right after signing in', () => {
  it('all is well where the server knows who it is', async () => {
    await expect(ensureKept(() => Promise.resolve({ id: 'ada' }))).resolves.toBeUndefined();
  });

  it('says that the browser did not keep it, and not that the session is over, which would lead back to log in', async () => {
    await expect(ensureKept(refusing(401))).rejects.toMatchObject({
      reason: 'SIGN_IN_NOT_KEPT',
      unauthenticated: false,
      detail: expect.stringContaining('LINKAROOIE_PUBLIC_URL') as string,
    });
  });

  it('leaves other problems as they are', async () => {
    await expect(ensureKept(refusing(503))).rejects.toMatchObject({ status: 503 });
  });
});
