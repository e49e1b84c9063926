import { useRouter } from '@tanstack/react-router';
import { useEffect } from 'react';

/** Long enough that the page that was asked for comes first. */
const AFTER_MS = 1500;

/**
 * Brings the code of all pages once the first one stands.
 *
 * So every link works at once, without a network, and after a newer version of the client has taken the files' place.
 */
export function useAllPages(): void {
  const router = useRouter();
  useEffect(() => {
    const timer = setTimeout(() => {
      for (const route of Object.values(router.routesById)) {
        // What does not come now is asked for again by whoever opens that page.
        router.loadRouteChunk(route)?.catch(() => undefined);
      }
    }, AFTER_MS);
    return () => clearTimeout(timer);
  }, [router]);
}
