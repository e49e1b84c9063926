import { MutationCache, QueryCache, QueryClient } from '@tanstack/react-query';
import { Problem } from './problem';

/** Makes the cache of everything read from the server. `onSessionEnd` hears when the server no longer knows us. */
export function createQueryClient(onSessionEnd: () => void): QueryClient {
  const onError = (error: unknown) => {
    if (Problem.from(error).unauthenticated) onSessionEnd();
  };
  return new QueryClient({
    queryCache: new QueryCache({ onError }),
    mutationCache: new MutationCache({
      // A wrong password is 401 as well, but says nothing of a session.
      onError: (error, _variables, _context, mutation) => {
        if (!mutation.meta?.signsIn) onError(error);
      },
    }),
    defaultOptions: {
      queries: {
        // The live stream says when something changes; until it does, what was read a moment ago is good.
        staleTime: 30_000,
        retry: (failures, error) => failures < 2 && Problem.from(error).passing,
        retryDelay: (failures, error) => {
          const seconds = Problem.from(error).retryAfterSeconds;
          return seconds === undefined ? 500 * 2 ** failures : Math.min(seconds, 30) * 1000;
        },
      },
      mutations: { networkMode: 'always' },
    },
  });
}
