import { Problem } from './problem';

/**
 * Asks who is signed in, right after signing in. Throws a Problem that says what is wrong where the server knows nobody:
 * the browser took the password's answer and threw the session's cookies away, and would be led back to log in for ever.
 */
export async function ensureKept(askWho: () => Promise<unknown>): Promise<void> {
  try {
    await askWho();
  } catch (error) {
    if (!Problem.from(error).unauthenticated) throw error;
    throw new Problem({
      status: 0,
      reason: 'SIGN_IN_NOT_KEPT',
      title: 'The browser did not keep the sign-in',
      detail:
        'You were signed in, but this browser did not keep it. Allow cookies for this site. If they are allowed, the installation is set up for another address: whoever runs it should check LINKAROOIE_PUBLIC_URL, and that a proxy in front of it speaks https to you when that address does.',
    });
  }
}
