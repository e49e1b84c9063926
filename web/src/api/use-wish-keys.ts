import { useRef } from 'react';
import { newIdempotencyKey } from './idempotency-key';

/** Names wishes to the server: the same wish tried again after a lost answer has the same key, so nothing is done twice. */
export function useWishKeys() {
  const known = useRef(new Map<string, string>());
  return {
    of: (wish: unknown): string => {
      const words = JSON.stringify(wish);
      const key = known.current.get(words) ?? newIdempotencyKey();
      known.current.set(words, key);
      return key;
    },
    /** They came true: the same wish again is another one. */
    forget: () => known.current.clear(),
  };
}
