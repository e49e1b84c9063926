import { useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { uploads } from './queue';
import { takenIn } from './taken-in';

/** Puts each finished upload into the library at once, wherever the person is by then. */
export function useFinishedUploads(): void {
  const cache = useQueryClient();
  useEffect(() => {
    uploads.whenDone((image) => takenIn(cache, image));
    return () => uploads.clear();
  }, [cache]);
}
