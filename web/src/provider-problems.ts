/** Why a way through a provider's page did not lead in, and what to do: a sentence for each of the server's reasons. */
const SENTENCES: Record<string, (provider: string) => string> = {
  FLOW_NOT_VALID: () =>
    'This sign-in link was already used, has expired, or was begun in another browser. Start again.',
  CONSENT_DECLINED: (provider) =>
    `You did not allow it at ${provider}, so nothing happened. Start again whenever you like.`,
  EMAIL_HAS_ACCOUNT: (provider) =>
    `There is an account with the address of your ${provider} account already. Log in to it the way you did before, then link ${provider} under Settings, Sign-in methods.`,
  IDENTITY_TAKEN: (provider) =>
    `That ${provider} account is linked to another account here. Log in to that one to unlink it, or choose another at ${provider}.`,
  PROVIDER_UNKNOWN: (provider) => `Signing in with ${provider} is not set up here. Choose another way.`,
  PROVIDER_UNAVAILABLE: (provider) =>
    `${provider} does not answer at the moment. Try again shortly, or choose another way.`,
  PROVIDER_ANSWER_INVALID: (provider) =>
    `${provider} sent an answer that we could not check, so nobody was signed in. Try again; if it stays like this, tell whoever runs this installation.`,
  SIGN_IN_AGAIN: () => 'Your last sign-in is too long ago for this. Start again and confirm that it is you.',
  SLOW_DOWN: () => 'There were too many attempts from where you are. Wait a few minutes, then start again.',
  RATE_LIMITED: () => 'There were too many attempts from where you are. Wait a minute, then start again.',
};

/** Says what a reason means. `provider` is its name for people, where it is known. */
export function providerProblem(reason: string, provider = 'the provider'): string {
  const known = Object.hasOwn(SENTENCES, reason) ? SENTENCES[reason] : undefined;
  const sentence = known?.(provider) ?? 'Signing in did not work out. Start again in a moment.';
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}
