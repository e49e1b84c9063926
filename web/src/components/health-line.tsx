import type { Connection } from '../api/types';
import { healthOf } from '../health';
import { useNow } from '../use-now';
import { Icon } from './icon';

/** How an account is: a sign and a sentence, so that colour says nothing alone. */
export function HealthLine({ connection }: { connection: Connection }) {
  const { look, words } = healthOf(connection, useNow());
  return (
    <p className={`health health-${look.tone}`}>
      <Icon name={look.icon} />
      <span>{words}</span>
    </p>
  );
}
