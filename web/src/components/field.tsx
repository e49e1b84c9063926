import {
  type InputHTMLAttributes,
  type SelectHTMLAttributes,
  type TextareaHTMLAttributes,
  useId,
  useState,
} from 'react';
import { Icon } from './icon';

interface FieldParts {
  label: string;
  hint?: string | undefined;
  /** What is wrong with what was entered, in the server's words. */
  problem?: string | undefined;
}

interface FieldProps extends FieldParts {
  children: (ids: { id: string; 'aria-describedby': string | undefined; 'aria-invalid': boolean }) => React.ReactNode;
}

function Field({ label, hint, problem, children }: FieldProps) {
  const id = useId();
  const described = [hint && `${id}-hint`, problem && `${id}-problem`].filter(Boolean).join(' ');
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children({ id, 'aria-describedby': described || undefined, 'aria-invalid': Boolean(problem) })}
      {hint && (
        <p className="field-hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {problem && (
        <p className="field-problem" id={`${id}-problem`} role="alert">
          <Icon name="warning" size={16} />
          {problem}
        </p>
      )}
    </div>
  );
}

export function TextField({ label, hint, problem, ...rest }: FieldParts & InputHTMLAttributes<HTMLInputElement>) {
  return (
    <Field label={label} hint={hint} problem={problem}>
      {(wiring) => <input className="input" {...rest} {...wiring} />}
    </Field>
  );
}

export function TextArea({ label, hint, problem, ...rest }: FieldParts & TextareaHTMLAttributes<HTMLTextAreaElement>) {
  return (
    <Field label={label} hint={hint} problem={problem}>
      {(wiring) => <textarea className="input" rows={3} {...rest} {...wiring} />}
    </Field>
  );
}

export function SelectField({ label, hint, problem, ...rest }: FieldParts & SelectHTMLAttributes<HTMLSelectElement>) {
  return (
    <Field label={label} hint={hint} problem={problem}>
      {(wiring) => <select className="input" {...rest} {...wiring} />}
    </Field>
  );
}

interface PasswordFieldProps extends FieldParts {
  name: string;
  /** What a password manager is to do with it. */
  autoComplete: 'new-password' | 'current-password';
}

/** A password, which its owner may look at while typing. Pasting works, as password managers need it. */
export function PasswordField({ label, hint, problem, ...rest }: PasswordFieldProps) {
  const [shown, setShown] = useState(false);
  return (
    <Field label={label} hint={hint} problem={problem}>
      {(wiring) => (
        <div className="input-with-button">
          <input
            className="input"
            type={shown ? 'text' : 'password'}
            autoCapitalize="none"
            autoCorrect="off"
            spellCheck={false}
            required
            {...rest}
            {...wiring}
          />
          <button type="button" aria-pressed={shown} aria-controls={wiring.id} onClick={() => setShown(!shown)}>
            Show
            <span className="unseen"> what is typed under {label}</span>
          </button>
        </div>
      )}
    </Field>
  );
}

/** The rule of new passwords, in words. The server has a list of common ones beside it, and says so if it must. */
export const PASSWORD_RULE = 'At least 10 characters. A short sentence is easy to remember, and spaces are welcome.';

/** Tells password managers whose password a form is about, where there is no field for it. */
export function OwnerOfPassword({ email }: { email: string }) {
  return (
    <input
      className="unseen"
      type="email"
      name="username"
      autoComplete="username"
      value={email}
      readOnly
      tabIndex={-1}
      aria-hidden="true"
    />
  );
}
