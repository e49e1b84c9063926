import { useMutation } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { answer, api } from '../api/client';
import { Problem } from '../api/problem';
import { Button } from '../components/button';
import { TextField } from '../components/field';
import { Page } from '../components/page';
import { ProblemNote } from '../components/problem-note';
import { entries } from '../forms';
import { useHandedEmail } from '../handed-on';
import { CheckMail } from './check-mail';
import { Door } from './door';

export function ForgotPasswordPage() {
  const email = useHandedEmail();
  const ask = useMutation({
    mutationFn: (body: { email: string }) => answer(api.POST('/v1/auth/password/forgot', { body })),
    meta: { signsIn: true },
  });
  const problem = ask.isError ? Problem.from(ask.error) : null;
  return (
    <Door>
      {ask.isSuccess ? (
        <CheckMail email={ask.variables.email} onStartAgain={ask.reset}>
          <p>If it has an account here, the link in the letter sets a new password. It is good for half an hour.</p>
        </CheckMail>
      ) : (
        <Page title="Forgot your password?" lead="We send you a letter with a link that sets a new one.">
          <form
            className="stack"
            onSubmit={(event) => {
              event.preventDefault();
              if (!ask.isPending) ask.mutate(entries(event.currentTarget, ['email']));
            }}
          >
            {problem && <ProblemNote error={problem} fields={['email']} />}
            <TextField
              label="E-mail"
              name="email"
              type="email"
              autoComplete="username"
              defaultValue={email}
              maxLength={254}
              required
              problem={problem?.forField('email')}
            />
            <Button kind="main" type="submit" pending={ask.isPending}>
              Send the letter
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
