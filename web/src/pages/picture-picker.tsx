import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { picturesQuery } from '../api/queries';
import type { Image } from '../api/types';
import { Button, buttonClass } from '../components/button';
import { Dialog } from '../components/dialog';
import { More } from '../components/more';
import { PictureThumb } from '../components/picture-tile';
import { ProblemNote } from '../components/problem-note';
import { filterOf } from '../library-search';
import { nameOf } from '../pictures';
import { SearchBox } from './search-box';

interface PicturePickerProps {
  title: string;
  open: boolean;
  onClose: () => void;
  onPick: (image: Image) => void;
}

/** Lets one picture of the library be chosen. */
export function PicturePicker({ title, open, onClose, onPick }: PicturePickerProps) {
  return (
    <Dialog title={title} open={open} onClose={onClose}>
      <Pictures onPick={onPick} />
      <div>
        <Button onClick={onClose}>Cancel</Button>
      </div>
    </Dialog>
  );
}

function Pictures({ onPick }: { onPick: (image: Image) => void }) {
  const [q, setQ] = useState('');
  const query = useInfiniteQuery({
    // Those that can be shown anywhere.
    ...picturesQuery(filterOf({ q, show: 'ready' })),
    placeholderData: keepPreviousData,
  });
  if (query.isError && !query.data) return <ProblemNote error={query.error} onRetry={() => void query.refetch()} />;
  const images = query.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <>
      <SearchBox label="Search your library" value={q} onSearch={setQ} />
      <p className="small quiet" role="status">
        {query.isPending ? 'Looking …' : images.length === 0 && (q ? 'Nothing found.' : 'No picture is ready yet.')}
      </p>
      {!query.isPending && images.length === 0 && !q && (
        <div>
          <Link to="/library" className={buttonClass('main')}>
            Go to the library
          </Link>
        </div>
      )}
      {images.length > 0 && (
        <ul className="tiles tiles-small picker-tiles" aria-label="Pictures to choose from">
          {images.map((image) => (
            <li key={image.id}>
              <button type="button" className="tile" onClick={() => onPick(image)}>
                <PictureThumb image={image} alt="" />
                <span className="tile-name">{nameOf(image)}</span>
              </button>
            </li>
          ))}
        </ul>
      )}
      <More query={query} what="pictures" />
    </>
  );
}
