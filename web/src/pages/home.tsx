import { useSuspenseInfiniteQuery, useSuspenseQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { connectionsQuery, imagesQuery, meQuery, syncsQuery } from '../api/queries';
import type { Connection } from '../api/types';
import { buttonClass } from '../components/button';
import { Chip } from '../components/chip';
import { Face } from '../components/face';
import { Page } from '../components/page';
import { PictureTile } from '../components/picture-tile';
import { SyncRow } from '../components/sync-row';
import { healthOf } from '../health';
import { usePlatforms } from '../platforms';
import { UploadList } from '../uploads/upload-list';
import { useNow } from '../use-now';
import { FirstSteps } from './first-steps';

/** How much of each list the home page shows; the rest has a page of its own. */
const SHOWN_PICTURES = 4;
const SHOWN_SYNCS = 3;

export function HomePage() {
  const { data: me } = useSuspenseQuery(meQuery);
  const images = useSuspenseInfiniteQuery(imagesQuery).data.pages.flatMap((page) => page.items);
  const syncs = useSuspenseInfiniteQuery(syncsQuery).data.pages.flatMap((page) => page.items);
  const { data: connections } = useSuspenseQuery(connectionsQuery);
  return (
    <Page title={`Welcome, ${me.display_name}`}>
      <div className="stack-wide">
        <FirstSteps userId={me.id} images={images} connections={connections} syncs={syncs} />
        <UploadList />
        {connections.length > 0 && (
          <Section title="Your accounts" to="/connections" more="All accounts">
            <ul className="tiles">
              {connections.map((connection) => (
                <AccountGlance key={connection.id} connection={connection} />
              ))}
            </ul>
          </Section>
        )}
        {syncs.length > 0 && (
          <Section title="Latest syncs" to="/syncs" more="All syncs">
            <ul className="stack">
              {syncs.slice(0, SHOWN_SYNCS).map((sync) => (
                <li key={sync.id}>
                  <SyncRow sync={sync} />
                </li>
              ))}
            </ul>
          </Section>
        )}
        {images.length > 0 && (
          <Section title="Latest pictures" to="/library" more="All pictures">
            <ul className="tiles tiles-small">
              {images.slice(0, SHOWN_PICTURES).map((image) => (
                <li key={image.id}>
                  <PictureTile image={image} />
                </li>
              ))}
            </ul>
          </Section>
        )}
      </div>
    </Page>
  );
}

interface SectionProps {
  title: string;
  to: '/connections' | '/syncs' | '/library';
  more: string;
  children: React.ReactNode;
}

function Section({ title, to, more, children }: SectionProps) {
  return (
    <section className="stack">
      <div className="row row-between">
        <h2>{title}</h2>
        <Link to={to} className={buttonClass('ghost')}>
          {more}
        </Link>
      </div>
      {children}
    </section>
  );
}

function AccountGlance({ connection }: { connection: Connection }) {
  const platform = usePlatforms().named(connection.platform);
  const avatar = connection.slots.find((slot) => slot.slot === 'avatar')?.observed?.picture_url;
  const { look } = healthOf(connection, useNow());
  return (
    <li className="card row">
      <Face picture={avatar} platform={platform} />
      <span className="grow">
        <Link to="/connections/$connectionId" params={{ connectionId: connection.id }}>
          {connection.remote_handle}
        </Link>
        <br />
        <span className="small quiet">{platform.name}</span>
      </span>
      <Chip {...look} />
    </li>
  );
}
