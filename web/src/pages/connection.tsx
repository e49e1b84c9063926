import { useSuspenseQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { Problem } from '../api/problem';
import { connectionQuery } from '../api/queries';
import type { Connection } from '../api/types';
import { caredFor } from '../care';
import { buttonClass } from '../components/button';
import { Empty } from '../components/empty';
import { HealthLine } from '../components/health-line';
import { Icon } from '../components/icon';
import { Moment } from '../components/moment';
import { Page } from '../components/page';
import { ReasonText } from '../components/reason-text';
import { SLOT_NAMES } from '../components/states';
import { usePlatforms } from '../platforms';
import { serverWords } from '../server-words';
import { AccountActions } from './account-actions';
import { AccountPictures } from './account-pictures';
import { Disconnect } from './disconnect';
import { KeepItRight } from './keep-it-right';
import { PicturesBefore } from './pictures-before';

const route = getRouteApi('/signed-in/connections/$connectionId');

export function ConnectionPage() {
  const { connectionId } = route.useParams();
  const { data: connection, error } = useSuspenseQuery(connectionQuery(connectionId));
  const platform = usePlatforms().named(connection.platform);
  const lead = [platform.name, connection.instance, serverWords(connection)].filter(Boolean).join(', ');
  // It was there when the page opened: whoever has pictures put back before leaving watches it go.
  const gone = error !== null && Problem.from(error).status === 404;
  return (
    <Page title={connection.remote_handle} lead={lead}>
      {gone ? (
        <Empty icon="link" title="It is disconnected">
          <p>Our access to {platform.name} is given back and forgotten.</p>
          <Link to="/connections" className={buttonClass('main')}>
            To your connections
          </Link>
        </Empty>
      ) : (
        <div className="stack-wide">
          <AtAGlance connection={connection} platformName={platform.name} />
          <Places connection={connection} />
          {!connection.leaving && caredFor(connection).length > 0 && <KeepItRight connection={connection} />}
          <PicturesBefore connection={connection} />
          {!connection.leaving && <Disconnect connection={connection} platformName={platform.name} />}
        </div>
      )}
    </Page>
  );
}

function AtAGlance({ connection, platformName }: { connection: Connection; platformName: string }) {
  return (
    <div className="card account account-large">
      <AccountPictures connection={connection} />
      <div className="stack-tight" role="status">
        <HealthLine connection={connection} />
        <ReasonText reason={connection.reason} />
      </div>
      <div className="row">
        <AccountActions connection={connection} />
        {connection.remote_url && (
          <a className={buttonClass()} href={connection.remote_url} target="_blank" rel="noreferrer">
            <Icon name="external" />
            See it on {platformName}
          </a>
        )}
      </div>
    </div>
  );
}

/** How a place gets its pictures. */
const MODES: Record<string, string> = {
  write: 'Pictures get here by themselves.',
  assisted: 'You set pictures here by hand: you get the file and the steps.',
  read_only: 'It is looked at only: no app may change it.',
  none: 'There is no such place here.',
};

/** What was seen in each place, and how it gets its pictures. */
function Places({ connection }: { connection: Connection }) {
  return (
    <section className="stack" aria-labelledby="places">
      <h2 id="places">What it shows</h2>
      <ul className="tiles">
        {connection.slots.map((slot) => (
          <li key={slot.slot} className="card stack-tight place">
            <h3>{SLOT_NAMES[slot.slot] ?? slot.slot}</h3>
            <p className="small quiet">{MODES[slot.mode] ?? slot.mode}</p>
            {slot.mode !== 'none' && <Seen slot={slot} />}
            <ReasonText reason={slot.notice} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function Seen({ slot: { slot, observed } }: { slot: Connection['slots'][number] }) {
  if (!observed) return <p>Not looked at yet.</p>;
  return (
    <>
      {observed.picture_url && (
        <img
          className={`seen seen-${slot}`}
          src={observed.picture_url}
          alt={`${SLOT_NAMES[slot] ?? slot} as it was seen`}
          loading="lazy"
        />
      )}
      {!observed.url && <p>No picture is there.</p>}
      <p className="small quiet">
        Seen <Moment at={observed.at} />
      </p>
    </>
  );
}
