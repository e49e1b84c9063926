import { answer, api } from './client';
import { ensureKept } from './kept-sign-in';

/** Signs in with a password, and sees to it that the browser kept the session. */
export async function signIn(body: { email: string; password: string }): Promise<void> {
  await answer(api.POST('/v1/auth/login', { body }));
  await ensureKept(() => answer(api.GET('/v1/me')));
}
