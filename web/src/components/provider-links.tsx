import type { SignInProvider } from '../api/types';
import { Badge } from './badge';
import { buttonClass } from './button';

interface ProviderLinksProps {
  providers: SignInProvider[];
  returnTo: string | undefined;
}

/** The ways to sign in with an account somewhere else. Links, not buttons: the server sends the browser on to the provider. */
export function ProviderLinks({ providers, returnTo }: ProviderLinksProps) {
  if (providers.length === 0) return null;
  return (
    <ul className="stack-tight providers" aria-label="Other ways to sign in">
      {providers.map(({ id, label }) => (
        <li key={id}>
          <a className={buttonClass()} href={startPath(id, returnTo)}>
            <Badge id={id} name={label} />
            Continue with {label}
          </a>
        </li>
      ))}
    </ul>
  );
}

/** Where a sign-in with a provider starts. */
export function startPath(provider: string, returnTo: string | undefined): string {
  const query = returnTo === undefined ? '' : `?${new URLSearchParams({ return_to: returnTo }).toString()}`;
  return `/v1/auth/oauth/${encodeURIComponent(provider)}/start${query}`;
}
