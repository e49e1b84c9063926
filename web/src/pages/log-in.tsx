import { useMutation, useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { Problem } from '../api/problem';
import { providersQuery } from '../api/queries';
import { signIn } from '../api/sign-in';
import { Button, buttonClass } from '../components/button';
import { useSecondsUntil } from '../components/countdown';
import { PasswordField, TextField } from '../components/field';
import { Page } from '../components/page';
import { ProblemNote } from '../components/problem-note';
import { ProviderLinks, startPath } from '../components/provider-links';
import { ProviderProblemNote } from '../components/provider-problem-note';
import { WrongAddressNote } from '../components/wrong-address-note';
import { entries } from '../forms';
import { useHandedEmail } from '../handed-on';
import { Door, useEnter } from './door';

const route = getRouteApi('/login');

export function LogInPage() {
  const { return_to, problem, provider } = route.useSearch();
  const offered = useQuery(providersQuery);
  const providers = offered.data?.items ?? [];
  const failed = providers.find(({ id }) => id === provider);
  return (
    <Door>
      <Page title="Log in">
        {offered.data && <WrongAddressNote publicUrl={offered.data.public_url} />}
        {problem && (
          <ProviderProblemNote reason={problem} provider={failed?.label}>
            {failed && problem !== 'EMAIL_HAS_ACCOUNT' && (
              <a className={buttonClass()} href={startPath(failed.id, return_to)}>
                Start again with {failed.label}
              </a>
            )}
          </ProviderProblemNote>
        )}
        <ProviderLinks providers={providers} returnTo={return_to} />
        {providers.length > 0 && <p className="divider">or with your password</p>}
        {offered.isError && <ProblemNote error={offered.error} onRetry={() => void offered.refetch()} />}
        <PasswordForm returnTo={return_to} />
        <p>
          New here?{' '}
          <Link to="/register" search={{ return_to }}>
            Sign up
          </Link>
        </p>
      </Page>
    </Door>
  );
}

function PasswordForm({ returnTo }: { returnTo: string | undefined }) {
  const enter = useEnter(returnTo);
  const email = useHandedEmail();
  const logIn = useMutation({ mutationFn: signIn, onSuccess: enter, meta: { signsIn: true } });
  const wait = useSecondsUntil(logIn.isError ? Problem.from(logIn.error).retryAt : undefined);
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (!logIn.isPending && wait === 0) logIn.mutate(entries(event.currentTarget, ['email', 'password']));
      }}
    >
      {logIn.isError && <ProblemNote error={logIn.error} />}
      <TextField label="E-mail" name="email" type="email" autoComplete="username" defaultValue={email} required />
      <PasswordField label="Password" name="password" autoComplete="current-password" />
      <Button kind="main" type="submit" pending={logIn.isPending} held={wait > 0}>
        Log in
      </Button>
      <p>
        <Link to="/forgot-password">Forgot your password?</Link>
      </p>
    </form>
  );
}
