import { describe, expect, it } from 'vitest';
import { providerProblem } from './provider-problems';

describe("the sentence on a provider's refusal", () => {
  it('offers to start again after a link that was used', () => {
    expect(providerProblem('FLOW_NOT_VALID', 'Google')).toMatch(/already used.*another browser\. Start again\./);
  });

  it('names the provider', () => {
    expect(providerProblem('EMAIL_HAS_ACCOUNT', 'GitHub')).toContain('link GitHub under Settings');
  });

  it('stays a sentence where the provider is not known', () => {
    expect(providerProblem('PROVIDER_UNAVAILABLE')).toMatch(/^The provider does not answer/);
  });

  it.each(['SOMETHING_NEW', 'toString', '__proto__', ''])('says what to do even for %j', (reason) => {
    expect(providerProblem(reason, 'Google')).toMatch(/^Signing in did not work out\. Start again/);
  });
});
