import { useQueryClient } from '@tanstack/react-query';
import { connectionQuery, connectionsQuery } from './queries';
import type { Connection } from './types';

/** Puts what is known of an account now wherever it is shown. */
export function useConnectionUpdate() {
  const cache = useQueryClient();
  return (changed: Connection) => {
    cache.setQueryData(connectionQuery(changed.id).queryKey, changed);
    cache.setQueryData(connectionsQuery.queryKey, (known) =>
      known?.map((other) => (other.id === changed.id ? changed : other)),
    );
  };
}
