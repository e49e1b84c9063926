import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { imageQuery } from '../api/queries';
import type { Sync } from '../api/types';
import { Chip, type Look } from './chip';
import { Icon } from './icon';
import { Moment } from './moment';
import { PictureThumb } from './picture-tile';
import { isMoving, slotName, summarise } from './states';

/** A sync in a list: its picture, what came of it, and when; leads to its page. */
export function SyncRow({ sync }: { sync: Sync }) {
  const states = sync.targets.map((target) => target.state);
  return (
    <Link className="card sync-row" to="/syncs/$syncId" params={{ syncId: sync.id }}>
      <SyncThumb imageId={sync.image_id} />
      <span className="grow stack-tight">
        <span className="row">
          <strong>{slotName(sync.slot)}</strong>
          <Chip {...syncLook(sync)} />
        </span>
        <span className="small quiet">
          {summarise(states) || 'No accounts'}
          {sync.created_at && (
            <>
              , <Moment at={sync.created_at} />
            </>
          )}
        </span>
      </span>
      <Icon name="arrow" />
    </Link>
  );
}

/** The picture of a sync, if it is still in the library. */
export function SyncThumb({ imageId }: { imageId: string | null }) {
  const { data: image, isError } = useQuery({ ...imageQuery(imageId ?? ''), enabled: imageId !== null });
  if (image) return <PictureThumb image={image} alt="" />;
  return <span className="thumb thumb-empty">{isError && <Icon name="library" size={24} />}</span>;
}

/** A sync in one word: partial success is called that. */
export function syncLook(sync: Sync): Look {
  const states = sync.targets.map((target) => target.state);
  if (states.some((state) => state === 'needs_you')) return { tone: 'warn', icon: 'hand', label: 'Needs you' };
  if (states.some(isMoving)) return { tone: 'busy', icon: 'sync', label: 'Under way' };
  if (states.some((state) => state === 'paused')) return { tone: 'idle', icon: 'pause', label: 'Paused' };
  const verified = states.filter((state) => state === 'verified').length;
  if (states.length > 0 && verified === states.length) return { tone: 'good', icon: 'check', label: 'Verified' };
  if (states.every((state) => state === 'cancelled' || state === 'superseded')) {
    return { tone: 'idle', icon: 'cross', label: 'Called off' };
  }
  if (verified > 0) return { tone: 'warn', icon: 'differs', label: 'In part' };
  return { tone: 'bad', icon: 'warning', label: 'Not done' };
}
