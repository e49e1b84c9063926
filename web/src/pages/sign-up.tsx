import { useMutation } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { answer, api } from '../api/client';
import { Problem } from '../api/problem';
import { Button } from '../components/button';
import { TextField } from '../components/field';
import { Page } from '../components/page';
import { ProblemNote } from '../components/problem-note';
import { entries } from '../forms';
import { Door, useEnter } from './door';

const route = getRouteApi('/signup');

export function SignUpPage() {
  const { return_to } = route.useSearch();
  const enter = useEnter(return_to);
  const signUp = useMutation({
    mutationFn: async (body: { email: string; password: string; display_name: string }) => {
      await answer(api.POST('/v1/auth/register', { body }));
      await answer(api.POST('/v1/auth/login', { body: { email: body.email, password: body.password } }));
    },
    onSuccess: enter,
    meta: { signsIn: true },
  });
  const problem = signUp.isError ? Problem.from(signUp.error) : null;
  return (
    <Door>
      <Page title="Sign up">
        <form
          className="stack"
          onSubmit={(event) => {
            event.preventDefault();
            if (!signUp.isPending) signUp.mutate(entries(event.currentTarget, ['display_name', 'email', 'password']));
          }}
        >
          {problem && <ProblemNote error={problem} fields={['display_name', 'email', 'password']} />}
          <TextField
            label="Your name"
            name="display_name"
            autoComplete="name"
            maxLength={100}
            required
            problem={problem?.forField('display_name')}
          />
          <TextField
            label="E-mail"
            name="email"
            type="email"
            autoComplete="username"
            maxLength={254}
            required
            problem={problem?.forField('email')}
          />
          <TextField
            label="Password"
            name="password"
            type="password"
            autoComplete="new-password"
            minLength={10}
            required
            hint="At least 10 characters."
            problem={problem?.forField('password')}
          />
          <Button kind="main" type="submit" pending={signUp.isPending}>
            Sign up
          </Button>
          <p>
            Have an account?{' '}
            <Link to="/login" search={{ return_to }}>
              Log in
            </Link>
          </p>
        </form>
      </Page>
    </Door>
  );
}
