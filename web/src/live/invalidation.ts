import type { QueryKey } from '@tanstack/react-query';
import { keys } from '../api/keys';
import type { LiveUpdate } from '../api/types';

/** Everything that the live stream can change: read anew after a gap in which words may have been lost. */
export const LIVE_KEYS: QueryKey[] = [
  keys.images,
  keys.library,
  keys.defaults,
  keys.avatarSettings,
  keys.connections,
  keys.syncs,
  keys.allSteps,
  keys.notices,
  keys.analytics,
];

/** Says what of the cache is out of date after a word from the live stream. */
export function outdatedBy(update: LiveUpdate): QueryKey[] {
  switch (update.kind) {
    case 'image':
      // How full the library is follows, and which defaults there are, the avatar's among them: a deleted picture is none.
      return [keys.imageList, keys.image(update.id), keys.library, keys.defaults, keys.avatarSettings];
    case 'defaults':
      // Lists of what is a default somewhere, and what hangs on a default avatar.
      return [keys.defaults, keys.imageList, keys.avatarSettings];
    case 'connection':
      return [keys.connections];
    case 'sync':
      return [keys.syncList, keys.sync(update.id), keys.analytics];
    case 'target':
      return [
        keys.syncList,
        update.parent_id ? keys.sync(update.parent_id) : keys.syncs,
        keys.steps(update.id),
        // What the account shows has been looked at on the way.
        ...(update.state === 'verified' || update.state === 'differs' ? [keys.connections, keys.analytics] : []),
      ];
    case 'notice':
      return [keys.notices];
    default:
      // A newer server may know more kinds than this page does.
      return [];
  }
}
