import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { defaultsQuery } from '../api/queries';
import type { Image, SlotName } from '../api/types';
import { Button } from '../components/button';
import { Chip } from '../components/chip';
import { ProblemNote } from '../components/problem-note';
import { choose, EVERYWHERE, slotsOf } from '../defaults';
import { useChangeDefaults } from '../defaults-of';

/** Makes a picture the one for everywhere, or says that it is. */
export function AsDefault({ image, slot }: { image: Image; slot: SlotName }) {
  const known = useQuery(defaultsQuery);
  const change = useChangeDefaults();
  if (known.isError) return <ProblemNote error={known.error} onRetry={() => void known.refetch()} />;
  if (!known.data) return null;
  const { defaults } = known.data;
  const everywhere = defaults[slot].everywhere === image.id;
  return (
    <section className="stack-tight" aria-label="Default">
      <div className="row">
        {!everywhere && (
          <Button
            icon="star"
            pending={change.isPending}
            onClick={() => change.mutate((present) => choose(present, slot, EVERYWHERE, image.id))}
          >
            Use as {slot} everywhere
          </Button>
        )}
        <p className="row small" role="status">
          {everywhere && <Chip tone="good" icon="star" label={`Your ${slot} everywhere`} />}
          {!everywhere && slotsOf(defaults, image.id).includes(slot) && `It is your ${slot} in some places.`}
        </p>
        <Link to="/defaults" className="small">
          {everywhere ? 'See where it goes, and bring it there' : 'See which picture goes where'}
        </Link>
      </div>
      {change.isError && <ProblemNote error={change.error} />}
    </section>
  );
}
