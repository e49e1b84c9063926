import { useSuspenseQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { connectionsQuery, platformsQuery } from '../api/queries';
import type { Connection } from '../api/types';
import { HealthLine } from '../components/health-line';
import { Icon } from '../components/icon';
import { Page } from '../components/page';
import { ReasonText } from '../components/reason-text';
import { usePlatforms } from '../platforms';
import { serverWords } from '../server-words';
import { AccountActions } from './account-actions';
import { AccountPictures } from './account-pictures';
import { PlatformTile } from './platform-tile';

const route = getRouteApi('/signed-in/connections');

export function ConnectionsPage() {
  const { data: connections } = useSuspenseQuery(connectionsQuery);
  const { data: platforms } = useSuspenseQuery(platformsQuery);
  return (
    <Page title="Connections" lead="The accounts that show your pictures, and what they show now.">
      <div className="stack-wide">
        <ConsentOutcome connections={connections} />
        {connections.length > 0 && (
          <section className="stack" aria-labelledby="your-accounts">
            <h2 id="your-accounts">Your accounts</h2>
            <ul className="tiles">
              {connections.map((connection) => (
                <ConnectionCard key={connection.id} connection={connection} />
              ))}
            </ul>
          </section>
        )}
        <section className="stack" aria-labelledby="platforms">
          <h2 id="platforms">{connections.length > 0 ? 'Connect another' : 'Connect an account'}</h2>
          <ul className="tiles">
            {platforms.map((platform) => (
              <PlatformTile key={platform.id} platform={platform} />
            ))}
          </ul>
        </section>
      </div>
    </Page>
  );
}

/** Why a consent page led back without a connection: the server's reason, in words. */
const CONSENT_PROBLEMS: Record<string, string> = {
  CONNECT_LINK_USED: 'This way back was used before. If the account is not listed here, start again.',
  CONNECT_LINK_EXPIRED: 'That took too long, and the way back ended. Start again; it takes a minute.',
  CONSENT_DENIED: 'You did not allow it there, so nothing was connected. Start again whenever you like.',
  CONSENT_INCOMPLETE:
    'You did not allow all that it asks for, so pictures could not be changed. Start again, and leave everything ticked.',
  NO_ACCOUNTS: 'You opened no account there that you look after. Start again, and choose one when it asks.',
  ACCOUNT_LOCKED: 'That account is locked until its owner does something there. Sign in there first, then start again.',
  DIFFERENT_ACCOUNT: 'You are signed in there with another account than the one that was to be reconnected.',
};

/** What came of a visit to a platform's consent page. */
function ConsentOutcome({ connections }: { connections: Connection[] }) {
  const { connected, problem, platform } = route.useSearch();
  const navigate = route.useNavigate();
  const { named } = usePlatforms();
  const dismiss = () => void navigate({ search: {}, replace: true });
  if (problem) {
    return (
      <div className="note note-bad" role="alert">
        <Icon name="warning" />
        <div className="stack-tight grow">
          <p>
            <strong>
              {platform ? `${named(platform).name} was not connected.` : 'The account was not connected.'}
            </strong>{' '}
            {CONSENT_PROBLEMS[problem] ?? 'The platform did not go along. Try again in a moment.'}
          </p>
          <p className="small quiet">
            Reason: <code>{problem}</code>
          </p>
        </div>
        <button type="button" className="icon-button" aria-label="Dismiss" onClick={dismiss}>
          <Icon name="cross" />
        </button>
      </div>
    );
  }
  const ids = connected?.split(',') ?? [];
  const news = connections.filter((candidate) => ids.includes(candidate.id));
  const [connection] = news;
  if (!connection) return null;
  return (
    <div className="note note-good" role="status">
      <Icon name="check" />
      <p className="grow">
        <strong>{news.map((one) => one.remote_handle).join(', ')}</strong> on {named(connection.platform).name}{' '}
        {news.length > 1 ? 'are' : 'is'} connected. {news.length > 1 ? 'Their' : 'Its'} pictures of today are kept,
        whatever you change.
      </p>
      <button type="button" className="icon-button" aria-label="Dismiss" onClick={dismiss}>
        <Icon name="cross" />
      </button>
    </div>
  );
}

function ConnectionCard({ connection }: { connection: Connection }) {
  const platform = usePlatforms().named(connection.platform);
  const takes = serverWords(connection);
  return (
    <li className="card account">
      <AccountPictures connection={connection} />
      <div className="stack-tight">
        <h3>
          <Link to="/connections/$connectionId" params={{ connectionId: connection.id }}>
            {connection.remote_handle}
          </Link>
        </h3>
        <p className="small quiet">
          {platform.name}
          {connection.instance && `, ${connection.instance}`}
        </p>
        {takes && <p className="small quiet">{takes}</p>}
        <HealthLine connection={connection} />
        <ReasonText reason={connection.reason} />
        {connection.slots.map((slot) => (
          <ReasonText key={slot.slot} reason={slot.notice} />
        ))}
      </div>
      <div className="row">
        <AccountActions connection={connection} />
      </div>
    </li>
  );
}
