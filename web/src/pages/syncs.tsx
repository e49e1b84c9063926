import { useSuspenseInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { syncsQuery } from '../api/queries';
import { buttonClass } from '../components/button';
import { Empty } from '../components/empty';
import { More } from '../components/more';
import { Page } from '../components/page';
import { SyncRow } from '../components/sync-row';

export function SyncsPage() {
  const query = useSuspenseInfiniteQuery(syncsQuery);
  const syncs = query.data.pages.flatMap((page) => page.items);
  return (
    <Page title="Syncs" lead="Each time a picture was sent out, and what came of it.">
      <div className="stack">
        {syncs.length === 0 ? (
          <Empty icon="sync" title="Nothing sent yet">
            <p>Pick a picture of your library, choose where it goes and press Sync.</p>
            <Link to="/library" className={buttonClass('main')}>
              Go to the library
            </Link>
          </Empty>
        ) : (
          <ul className="stack" aria-label="Syncs">
            {syncs.map((sync) => (
              <li key={sync.id}>
                <SyncRow sync={sync} />
              </li>
            ))}
          </ul>
        )}
        <More query={query} what="syncs" />
      </div>
    </Page>
  );
}
