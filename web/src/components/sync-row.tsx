import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { imageQuery } from '../api/queries';
import type { Sync } from '../api/types';
import { Chip } from './chip';
import { Icon } from './icon';
import { Moment } from './moment';
import { PictureThumb } from './picture-tile';
import { slotName, summarise, syncLook, TRIGGER_NAMES } from './states';

/** A sync in a list: its picture, what came of it, and when; leads to its page. */
export function SyncRow({ sync }: { sync: Sync }) {
  return (
    <Link className="card sync-row" to="/syncs/$syncId" params={{ syncId: sync.id }}>
      <SyncThumb sync={sync} />
      <span className="grow stack-tight">
        <span className="row">
          <strong>{slotName(sync.slot)}</strong>
          <Chip {...syncLook(sync)} />
        </span>
        <span className="small quiet">
          {TRIGGER_NAMES[sync.trigger]}
          {sync.created_at && (
            <>
              , <Moment at={sync.created_at} />
            </>
          )}
          <br />
          {summarise(sync.targets) || 'No accounts'}
        </span>
      </span>
      <Icon name="arrow" />
    </Link>
  );
}

/** The picture of a sync: of the library, if it is still there, or one from before. */
export function SyncThumb({ sync }: { sync: Sync }) {
  const { data: image, isError } = useQuery({ ...imageQuery(sync.image_id ?? ''), enabled: sync.image_id !== null });
  if (image) return <PictureThumb image={image} alt="" />;
  const earlier = sync.targets.find(({ snapshot }) => snapshot?.picture_url)?.snapshot?.picture_url;
  return (
    <span className="thumb thumb-empty">
      {earlier ? (
        <img src={earlier} alt="" loading="lazy" />
      ) : (
        (isError || sync.image_id === null) && <Icon name={sync.image_id === null ? 'undo' : 'library'} size={24} />
      )}
    </span>
  );
}
