import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { answer, api } from '../api/client';
import { keys } from '../api/keys';
import type { CheckEvery, Connection, OnDifference } from '../api/types';
import { useConnectionUpdate } from '../api/use-connection-update';
import { afterChange, type CareChange, caredFor, ownTimeZone } from '../care';
import { ProblemNote } from '../components/problem-note';
import { Segments } from '../components/segments';
import { Switch } from '../components/switch';
import { Upcoming } from '../components/upcoming';

const INTERVALS: readonly (readonly [CheckEvery, string])[] = [
  ['never', 'Never'],
  ['day', 'Daily'],
  ['week', 'Weekly'],
  ['month', 'Monthly'],
];

const ANSWERS: readonly (readonly [OnDifference, string])[] = [
  ['ask', 'Ask me'],
  ['restore', 'Bring ours back'],
  ['leave', 'Leave it'],
];

/** What each answer means, in a sentence. */
const MEANINGS: Record<OnDifference, string> = {
  ask: 'If it shows something else than was brought there, you get a notice and decide.',
  restore: 'If it shows something else than was brought there, that is sent again.',
  leave: 'If it shows something else than was brought there, that is noted and left as it is.',
};

/** What happens with an account without being asked. Each choice counts at once. */
export function KeepItRight({ connection }: { connection: Connection }) {
  const care = useCare(connection);
  const { schedule } = connection;
  return (
    <section className="stack" aria-labelledby="keep-it-right">
      <h2 id="keep-it-right">Keep it right</h2>
      <div className="card card-roomy stack">
        <Switch
          label="Follow my defaults"
          hint={
            <>
              As soon as you choose another picture under <Link to="/defaults">Defaults</Link>, it is brought here.
            </>
          }
          checked={schedule.follow_defaults}
          onChange={(follow_defaults) => care.mutate({ follow_defaults })}
        />
        <Choice
          title="Look again"
          value={schedule.check_every}
          options={INTERVALS}
          onChange={(check_every) => care.mutate({ check_every, time_zone: ownTimeZone() })}
        >
          {schedule.check_every === 'never' && 'It is looked at when you ask, and while a picture is on its way.'}
          {schedule.check_every !== 'never' &&
            !schedule.next_check_at &&
            !care.isPending &&
            'It begins with the first picture that is brought here.'}
          {schedule.next_check_at && (
            <>
              Next look: <Upcoming at={schedule.next_check_at} />. Days begin as in {placeOf(schedule.time_zone)}.
            </>
          )}
        </Choice>
        {caredFor(connection).map(({ slot, on_difference }) => (
          <Choice
            key={slot}
            title={`When the ${slot} differs`}
            value={on_difference}
            options={ANSWERS}
            onChange={(then) => care.mutate({ on_difference: { [slot]: then } })}
          >
            {MEANINGS[on_difference]}
          </Choice>
        ))}
        {care.isError && <ProblemNote error={care.error} />}
      </div>
    </section>
  );
}

interface ChoiceProps<Value extends string> {
  title: string;
  value: Value;
  options: readonly (readonly [Value, string])[];
  onChange: (value: Value) => void;
  /** What follows from what is chosen. */
  children: React.ReactNode;
}

function Choice<Value extends string>({ title, children, ...choice }: ChoiceProps<Value>) {
  return (
    <div className="stack-tight care">
      <h3>{title}</h3>
      <Segments label={title} wrap {...choice} />
      <p className="small quiet" role="status">
        {children}
      </p>
    </div>
  );
}

/** Europe/Berlin as people call it: Berlin. */
function placeOf(timeZone: string): string {
  return timeZone.split('/').at(-1)?.replaceAll('_', ' ') ?? timeZone;
}

/** Shows each change at once, and takes it back if the server does not go along. */
function useCare(connection: Connection) {
  const cache = useQueryClient();
  const update = useConnectionUpdate();
  const mutationKey = ['care', connection.id];
  return useMutation({
    mutationKey,
    // One after another, so that the last choice is the one that stays.
    scope: { id: mutationKey.join(' ') },
    mutationFn: (change: CareChange) =>
      answer(
        api.PATCH('/v1/connections/{connection_id}', {
          params: { path: { connection_id: connection.id } },
          body: { on_difference: {}, ...change },
        }),
      ),
    onMutate: async (change) => {
      update(afterChange(connection, change));
      // What is being read of it was asked for before.
      await cache.cancelQueries({ queryKey: keys.connections, exact: true });
      await cache.cancelQueries({ queryKey: keys.connection(connection.id), exact: true });
    },
    onSuccess: (saved) => {
      // The answer to an earlier choice does not know what was chosen since.
      if (cache.isMutating({ mutationKey }) === 1) update(saved);
    },
    onError: () => cache.invalidateQueries({ queryKey: keys.connections }),
  });
}
