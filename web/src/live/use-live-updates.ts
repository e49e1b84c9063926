import { type QueryKey, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { answer, api } from '../api/client';
import { keys } from '../api/keys';
import { Problem } from '../api/problem';
import { LIVE_KEYS, outdatedBy } from './invalidation';
import { LiveStream } from './stream';

/** Words that come close together are answered by one read. */
const GATHER_MS = 80;

/** A hidden tab lets go of its stream after this long: browsers allow only six connections to one address over HTTP/1.1. */
const HIDDEN_GRACE_MS = 60_000;

/** Keeps what is on the page in step with the server while the page is open. */
export function useLiveUpdates(): void {
  const cache = useQueryClient();

  useEffect(() => {
    let gathered = new Map<string, QueryKey>();
    let gathering: ReturnType<typeof setTimeout> | undefined;
    let hiding: ReturnType<typeof setTimeout> | undefined;

    const readAnew = () => {
      gathering = undefined;
      for (const queryKey of gathered.values()) void cache.invalidateQueries({ queryKey });
      gathered = new Map();
    };

    const outdate = (queryKeys: QueryKey[]) => {
      for (const queryKey of queryKeys) gathered.set(JSON.stringify(queryKey), queryKey);
      gathering ??= setTimeout(readAnew, GATHER_MS);
    };

    const stream = new LiveStream({
      onUpdate: (update) => outdate(outdatedBy(update)),
      onGap: () => outdate(LIVE_KEYS),
      ensureSession: async () => {
        try {
          // Renews the token on the way, and tells the cache if the session is over.
          await cache.fetchQuery({
            queryKey: keys.me,
            queryFn: () => answer(api.GET('/v1/me')),
            staleTime: 0,
            retry: 0,
          });
          return true;
        } catch (error) {
          return !Problem.from(error).unauthenticated;
        }
      },
    });

    const followVisibility = () => {
      clearTimeout(hiding);
      if (document.visibilityState === 'hidden') hiding = setTimeout(() => stream.stop(), HIDDEN_GRACE_MS);
      else stream.start();
    };

    stream.start();
    document.addEventListener('visibilitychange', followVisibility);
    return () => {
      document.removeEventListener('visibilitychange', followVisibility);
      clearTimeout(hiding);
      clearTimeout(gathering);
      stream.stop();
    };
  }, [cache]);
}
