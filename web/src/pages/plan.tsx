import { useQuery } from '@tanstack/react-query';
import { connectionsQuery } from '../api/queries';
import type { Target } from '../api/types';
import { Chip } from '../components/chip';
import { NoteLines } from '../components/note-lines';
import { ReasonText } from '../components/reason-text';
import { Upcoming } from '../components/upcoming';
import { FORESEEN, planGroups, planSentence } from '../plans';
import { usePlatforms } from '../platforms';
import { needsReconnect, nextStep } from '../targets';
import { ConnectButton } from './platform-tile';

/** What a sync would do: in a sentence, then place by place. Nothing as long as nobody has asked. */
export function Plan({ targets }: { targets: Target[] | undefined }) {
  return (
    <div className={targets && 'plan stack'}>
      <p role="status">
        {targets && (
          <>
            <strong>{planSentence(targets)}</strong> Nothing has been sent.
          </>
        )}
      </p>
      {planGroups(targets ?? []).map(({ foreseen, targets }) => (
        <section key={foreseen} className="stack-tight" aria-label={FORESEEN[foreseen].label}>
          <Chip {...FORESEEN[foreseen]} />
          <ul className="plan-places">
            {targets.map((target) => (
              <Place key={`${target.connection_id} ${target.slot}`} target={target} />
            ))}
          </ul>
        </section>
      ))}
    </div>
  );
}

function Place({ target }: { target: Target }) {
  const { all, named } = usePlatforms();
  const { data: connections = [] } = useQuery(connectionsQuery);
  const connection = connections.find(({ id }) => id === target.connection_id);
  const platform = all.find(({ id }) => id === target.platform);
  const next = nextStep(target);
  return (
    <li className="stack-tight">
      <p>
        {target.remote_handle}{' '}
        <span className="quiet">
          ({named(target.platform).name}, {target.slot})
        </span>
      </p>
      <ReasonText reason={target.reason} />
      <NoteLines notes={target.notes} />
      {next && (
        <p className="small quiet">
          {next.words} <Upcoming at={next.at} />
        </p>
      )}
      {platform && needsReconnect(target) && <ConnectButton platform={platform} connection={connection} />}
      {target.reason?.link && (
        <p>
          <a href={target.reason.link} target="_blank" rel="noreferrer">
            {target.state === 'failed' ? 'Learn why' : `Open ${named(target.platform).name}`}
            <span className="unseen"> ({target.remote_handle}, opens in a new tab)</span>
          </a>
        </p>
      )}
    </li>
  );
}
