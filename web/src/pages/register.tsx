import { useMutation, useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { answer, api } from '../api/client';
import { Problem } from '../api/problem';
import { providersQuery } from '../api/queries';
import { Button } from '../components/button';
import { PASSWORD_RULE, PasswordField, TextField } from '../components/field';
import { Page } from '../components/page';
import { ProblemNote } from '../components/problem-note';
import { ProviderLinks } from '../components/provider-links';
import { WrongAddressNote } from '../components/wrong-address-note';
import { entries } from '../forms';
import { CheckMail } from './check-mail';
import { Door } from './door';

const route = getRouteApi('/register');

interface Registration {
  email: string;
  password: string;
  display_name: string;
}

/** Asks for an account, then says that its letter is on the way. There is no account before that letter's link is opened. */
export function RegisterPage() {
  const register = useMutation({
    mutationFn: (body: Registration) => answer(api.POST('/v1/auth/register', { body })),
    meta: { signsIn: true },
  });
  return (
    <Door>
      {register.isSuccess ? (
        <CheckMail email={register.variables.email} onStartAgain={register.reset}>
          <p>Open the link in it within a day to confirm that the address is yours. Then your account is ready.</p>
        </CheckMail>
      ) : (
        <RegistrationForm
          onSubmit={register.mutate}
          pending={register.isPending}
          problem={register.isError ? Problem.from(register.error) : null}
        />
      )}
    </Door>
  );
}

interface RegistrationFormProps {
  onSubmit: (registration: Registration) => void;
  pending: boolean;
  problem: Problem | null;
}

function RegistrationForm({ onSubmit, pending, problem }: RegistrationFormProps) {
  const { return_to } = route.useSearch();
  const offered = useQuery(providersQuery).data;
  return (
    <Page title="Sign up">
      {offered && <WrongAddressNote publicUrl={offered.public_url} />}
      <ProviderLinks providers={offered?.items ?? []} returnTo={return_to} />
      {offered && offered.items.length > 0 && <p className="divider">or with a password</p>}
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (!pending) onSubmit(entries(event.currentTarget, ['display_name', 'email', 'password']));
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
        <PasswordField
          label="Password"
          name="password"
          autoComplete="new-password"
          hint={PASSWORD_RULE}
          problem={problem?.forField('password')}
        />
        <Button kind="main" type="submit" pending={pending}>
          Sign up
        </Button>
      </form>
      <p>
        Have an account?{' '}
        <Link to="/login" search={{ return_to }}>
          Log in
        </Link>
      </p>
    </Page>
  );
}
