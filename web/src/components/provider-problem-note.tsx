import { providerProblem } from '../provider-problems';
import { Icon } from './icon';

interface ProviderProblemNoteProps {
  reason: string;
  /** The provider's name for people, where it is known. */
  provider: string | undefined;
  /** The way to start again, where there is one. */
  children?: React.ReactNode;
}

/** Says why a way through a provider's page came to nothing. */
export function ProviderProblemNote({ reason, provider, children }: ProviderProblemNoteProps) {
  return (
    <div className="note note-bad" role="alert">
      <Icon name="warning" />
      <div className="stack-tight grow">
        <p>{providerProblem(reason, provider)}</p>
        <p className="small quiet">
          Reason: <code>{reason}</code>
        </p>
        {children && <div className="row">{children}</div>}
      </div>
    </div>
  );
}
