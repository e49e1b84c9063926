import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { libraryQuery } from '../api/queries';
import type { Library } from '../api/types';
import { Icon } from '../components/icon';
import { formatBytes } from '../format';
import { storageOf } from '../storage';

/** How full the library is, with a word in time before it is full. */
export function StorageBar() {
  const { data: library } = useQuery(libraryQuery);
  if (!library) return null;
  const { share, level, text } = storageOf(library);
  return (
    <div className="storage">
      {share !== null && (
        <div
          className={`storage-bar storage-${level}`}
          role="meter"
          aria-label="Storage"
          aria-valuemin={0}
          aria-valuemax={100}
          aria-valuenow={Math.round(share * 100)}
          aria-valuetext={text}
        >
          <span style={{ inlineSize: `${share * 100}%` }} />
        </div>
      )}
      <p className="small quiet figures">{text}</p>
      {level !== 'fine' && (
        <p className={`note ${level === 'full' ? 'note-bad' : 'note-warn'}`} role="status">
          <Icon name="warning" />
          <span>
            {advice(level, library)}
            {library.deleted_bytes > 0 && (
              <>
                {' '}
                <Link to="/library/deleted">Deleted pictures</Link> hold {formatBytes(library.deleted_bytes)}.
              </>
            )}
          </span>
        </p>
      )}
    </div>
  );
}

function advice(level: 'nearly-full' | 'full', { restore_days }: Library): string {
  const room = `Delete pictures that you do not need: their room comes back when you delete them for good, or by itself ${restore_days} days later. Whoever runs this installation can give you more room.`;
  return level === 'full'
    ? `Your library is full, and takes no more pictures. ${room}`
    : `Your library is nearly full. ${room}`;
}
