import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { answer, api } from '../api/client';
import { keys } from '../api/keys';
import { syncQuery } from '../api/queries';
import type { SlotName, Target } from '../api/types';
import { Button, type ButtonKind } from '../components/button';
import { ProblemNote } from '../components/problem-note';
import { useImport } from '../uploads/use-import';

/** Puts what the server says of a target now into its sync on the page. */
export function useTargetUpdate() {
  const cache = useQueryClient();
  return (changed: Target) => {
    cache.setQueryData(
      syncQuery(changed.sync_id).queryKey,
      (sync) => sync && { ...sync, targets: sync.targets.map((other) => (other.id === changed.id ? changed : other)) },
    );
    void cache.invalidateQueries({ queryKey: keys.syncs });
    void cache.invalidateQueries({ queryKey: keys.steps(changed.id) });
  };
}

interface RetryButtonProps {
  target: Target;
  label?: string;
  kind?: ButtonKind;
}

export function RetryButton({ target, label = 'Try again', kind = 'main' }: RetryButtonProps) {
  const update = useTargetUpdate();
  const retry = useMutation({
    mutationFn: () => answer(api.POST('/v1/targets/{target_id}/retry', { params: { path: { target_id: target.id } } })),
    onSuccess: update,
  });
  return (
    <>
      <Button kind={kind} icon="sync" pending={retry.isPending} onClick={() => retry.mutate()}>
        {label}
      </Button>
      {retry.isError && <ProblemNote error={retry.error} />}
    </>
  );
}

/** Lets a place show what somebody has set there. */
export function LeaveButton({ target }: { target: Target }) {
  const update = useTargetUpdate();
  const leave = useMutation({
    mutationFn: () => answer(api.POST('/v1/targets/{target_id}/leave', { params: { path: { target_id: target.id } } })),
    onSuccess: update,
  });
  return (
    <>
      <Button icon="check" pending={leave.isPending} onClick={() => leave.mutate()}>
        Leave it
      </Button>
      {leave.isError && <ProblemNote error={leave.error} />}
    </>
  );
}

/** Takes the picture that a place shows into the library. What goes there stays as it is. */
export function TakeTheirs({ target }: { target: Target }) {
  const taking = useImport(target.connection_id, target.slot as SlotName);
  return (
    <>
      {!taking.isSuccess && (
        <Button icon="download" pending={taking.isPending} onClick={() => taking.mutate()}>
          Take theirs into the library
        </Button>
      )}
      <span role="status">
        {taking.isSuccess && (
          <Link to="/library/$imageId" params={{ imageId: taking.data.id }}>
            In your library<span className="unseen">: open it</span>
          </Link>
        )}
      </span>
      {taking.isError && <ProblemNote error={taking.error} />}
    </>
  );
}
