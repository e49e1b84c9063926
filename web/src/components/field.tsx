import { type InputHTMLAttributes, type TextareaHTMLAttributes, useId } from 'react';
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
