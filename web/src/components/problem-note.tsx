import { Problem } from '../api/problem';
import { Button } from './button';
import { Countdown } from './countdown';
import { Icon } from './icon';

interface ProblemNoteProps {
  error: unknown;
  /** Fields that show their own problems: when it is only about those, the note would say it twice. */
  fields?: string[];
  /** Offered where trying the same again may help. */
  onRetry?: (() => void) | undefined;
  /** The way out, where there is a better one. */
  children?: React.ReactNode;
}

/** Says what went wrong, what to do, and under which reference the logs know it. */
export function ProblemNote({ error, fields = [], onRetry, children }: ProblemNoteProps) {
  const problem = Problem.from(error);
  const named = problem.errors.filter(
    ({ field, detail }) => !fields.includes(field) && !problem.detail.includes(detail),
  );
  if (problem.errors.length > 0 && problem.errors.every(({ field }) => fields.includes(field))) return null;
  return (
    <div className="note note-bad" role="alert">
      <Icon name="warning" />
      <div className="stack-tight grow">
        <p>{problem.detail}</p>
        <Countdown until={problem.retryAt} />
        {named.map((field) => (
          <p key={`${field.field} ${field.detail}`}>
            {field.field}: {field.detail}
          </p>
        ))}
        {problem.reference && !problem.detail.includes(problem.reference) && (
          <p className="small quiet">
            Reference: <code>{problem.reference}</code>
          </p>
        )}
        {(children || (onRetry && problem.passing)) && (
          <div className="row">
            {children}
            {onRetry && problem.passing && (
              <Button icon="sync" onClick={onRetry}>
                Try again
              </Button>
            )}
          </div>
        )}
      </div>
    </div>
  );
}
