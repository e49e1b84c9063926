import { useMutation } from '@tanstack/react-query';
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router';
import { answer, api } from '../api/client';
import { Problem } from '../api/problem';
import { Button, buttonClass } from '../components/button';
import { TextField } from '../components/field';
import { Page } from '../components/page';
import { ProblemNote } from '../components/problem-note';
import { entries } from '../forms';
import { CheckMail } from './check-mail';
import { Door } from './door';

const route = getRouteApi('/complete-sign-up');

/** Asks for the address that a provider did not vouch for. A letter there shows that it is right. */
export function CompleteSignUpPage() {
  const { email, display_name, provider_label = 'the provider' } = route.useSearch();
  const navigate = useNavigate();
  const complete = useMutation({
    mutationFn: (body: { email: string; display_name: string }) =>
      answer(api.POST('/v1/auth/oauth/complete', { body })),
    meta: { signsIn: true },
  });
  const problem = complete.isError ? Problem.from(complete.error) : null;
  const isOver = problem?.reason === 'FLOW_NOT_VALID';
  return (
    <Door>
      {complete.isSuccess ? (
        <CheckMail email={complete.variables.email} onStartAgain={() => void navigate({ to: '/login' })}>
          <p>
            Open the link in it within a day to confirm that the address is yours. From then on you can log in with{' '}
            {provider_label}.
          </p>
        </CheckMail>
      ) : (
        <Page
          title="Almost there"
          lead={`We need an address that is surely yours; ${provider_label} did not tell us one.`}
        >
          <form
            className="stack"
            onSubmit={(event) => {
              event.preventDefault();
              if (!complete.isPending) complete.mutate(entries(event.currentTarget, ['display_name', 'email']));
            }}
          >
            {problem && (
              <ProblemNote error={problem} fields={['display_name', 'email']}>
                {isOver && (
                  <Link to="/login" className={buttonClass()}>
                    Start again
                  </Link>
                )}
              </ProblemNote>
            )}
            <TextField
              label="Your name"
              name="display_name"
              autoComplete="name"
              defaultValue={display_name}
              maxLength={100}
              required
              problem={problem?.forField('display_name')}
            />
            <TextField
              label="E-mail"
              name="email"
              type="email"
              autoComplete="email"
              defaultValue={email}
              maxLength={254}
              required
              problem={problem?.forField('email')}
            />
            <Button kind="main" type="submit" pending={complete.isPending}>
              Sign up
            </Button>
          </form>
          <p>
            <Link to="/login">Back to log in</Link>
          </p>
        </Page>
      )}
    </Door>
  );
}
