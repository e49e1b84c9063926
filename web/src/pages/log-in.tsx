import { useMutation } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { answer, api } from '../api/client';
import { Button } from '../components/button';
import { TextField } from '../components/field';
import { Page } from '../components/page';
import { ProblemNote } from '../components/problem-note';
import { entries } from '../forms';
import { Door, useEnter } from './door';

const route = getRouteApi('/login');

export function LogInPage() {
  const { return_to } = route.useSearch();
  const enter = useEnter(return_to);
  const logIn = useMutation({
    mutationFn: (body: { email: string; password: string }) => answer(api.POST('/v1/auth/login', { body })),
    onSuccess: enter,
    meta: { signsIn: true },
  });
  return (
    <Door>
      <Page title="Log in">
        <form
          className="stack"
          onSubmit={(event) => {
            event.preventDefault();
            if (!logIn.isPending) logIn.mutate(entries(event.currentTarget, ['email', 'password']));
          }}
        >
          {logIn.isError && <ProblemNote error={logIn.error} />}
          <TextField label="E-mail" name="email" type="email" autoComplete="username" required />
          <TextField label="Password" name="password" type="password" autoComplete="current-password" required />
          <Button kind="main" type="submit" pending={logIn.isPending}>
            Log in
          </Button>
          <p>
            New here?{' '}
            <Link to="/signup" search={{ return_to }}>
              Sign up
            </Link>
          </p>
        </form>
      </Page>
    </Door>
  );
}
