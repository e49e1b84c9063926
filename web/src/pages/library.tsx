import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { libraryQuery, picturesQuery } from '../api/queries';
import { Button, buttonClass } from '../components/button';
import { Empty } from '../components/empty';
import { Icon } from '../components/icon';
import { More } from '../components/more';
import { Page } from '../components/page';
import { PictureTile } from '../components/picture-tile';
import { ProblemNote } from '../components/problem-note';
import { Segments } from '../components/segments';
import { filterOf, type LibrarySearch, type Shown, SHOWN } from '../library-search';
import { UploadArea } from '../uploads/upload-area';
import { UploadList } from '../uploads/upload-list';
import { PendingPage } from './pending';
import { SearchBox } from './search-box';
import { StorageBar } from './storage-bar';

const route = getRouteApi('/signed-in/library');

export function LibraryPage() {
  const { q = '', show = 'all' } = route.useSearch();
  const navigate = route.useNavigate();
  const search = (wanted: LibrarySearch) => void navigate({ search: wanted, replace: true, resetScroll: false });
  const said = q ? { q } : {};
  return (
    <Page
      title="Library"
      lead="Your avatars and banners, as you uploaded them and as each platform gets them."
      actions={<DeletedLink />}
    >
      <div className="stack">
        <UploadArea />
        <UploadList />
        <StorageBar />
        <Outdated />
        <div className="row library-tools">
          <SearchBox
            label="Search pictures"
            value={q}
            onSearch={(words) => search({ ...(show === 'all' ? {} : { show }), ...(words ? { q: words } : {}) })}
          />
          <Segments
            label="Show"
            value={show}
            options={SHOWN}
            onChange={(chosen) => search(chosen === 'all' ? said : { ...said, show: chosen })}
            wrap
          />
        </div>
        <Pictures q={q} show={show} onShowAll={() => search({})} />
      </div>
    </Page>
  );
}

function Pictures({ q, show, onShowAll }: { q: string; show: Shown; onShowAll: () => void }) {
  // What was found before stays while the next is looked for: nothing jumps at each letter.
  const query = useInfiniteQuery({ ...picturesQuery(filterOf({ q, show })), placeholderData: keepPreviousData });
  if (query.isPending) return <PendingPage />;
  if (query.isError && !query.data) return <ProblemNote error={query.error} onRetry={() => void query.refetch()} />;
  const images = query.data.pages.flatMap((page) => page.items);
  const filtered = q !== '' || show !== 'all';
  return (
    <>
      <p className="unseen" role="status">
        {filtered && !query.isPlaceholderData && found(images.length, query.hasNextPage)}
      </p>
      {images.length > 0 && (
        <ul className="tiles tiles-small" aria-label="Pictures" aria-busy={query.isPlaceholderData}>
          {images.map((image) => (
            <li key={image.id}>
              <PictureTile image={image} />
            </li>
          ))}
        </ul>
      )}
      {images.length === 0 && filtered && (
        <Empty icon="search" title="Nothing found">
          <p>
            {q ? (
              <>No picture of this kind has “{q}” in its title, file name or description.</>
            ) : (
              <>There is no picture of this kind at the moment.</>
            )}
          </p>
          <Button onClick={onShowAll}>Show all pictures</Button>
        </Empty>
      )}
      {images.length === 0 && !filtered && (
        <Empty icon="library" title="No pictures yet">
          <p>Add one above. A moment later you see what every platform will get of it.</p>
        </Empty>
      )}
      <More query={query} what="pictures" />
    </>
  );
}

function found(count: number, more: boolean): string {
  if (count === 1 && !more) return 'One picture found';
  return `${count}${more ? ' or more' : ''} pictures found`;
}

/** Pictures are made anew where platforms have changed their sizes. */
function Outdated() {
  const outdated = useQuery(libraryQuery).data?.outdated ?? 0;
  return (
    <div className="outdated" role="status">
      {outdated > 0 && (
        <p className="note">
          <Icon name="sync" />
          <span>
            Platforms have changed their sizes. {outdated === 1 ? 'One picture is' : `${outdated} pictures are`} being
            brought up to date; until then the files that are there go on working.
          </span>
        </p>
      )}
    </div>
  );
}

function DeletedLink() {
  const deleted = useQuery(libraryQuery).data?.deleted ?? 0;
  return (
    <Link to="/library/deleted" className={buttonClass('ghost')}>
      <Icon name="trash" />
      Deleted pictures{deleted > 0 && ` (${deleted})`}
    </Link>
  );
}
