import { useBlocker } from '@tanstack/react-router';
import { ConfirmDialog } from '../components/dialog';

/** Asks before somebody leaves the page and loses what is not saved. */
export function LeaveGuard({ isChanged }: { isChanged: boolean }) {
  const blocker = useBlocker({
    // Another place of the same picture is no leaving.
    shouldBlockFn: ({ current, next }) => isChanged && current.pathname !== next.pathname,
    enableBeforeUnload: () => isChanged,
    withResolver: true,
  });
  return (
    <ConfirmDialog
      title="Leave without saving?"
      open={blocker.status === 'blocked'}
      onClose={() => blocker.reset?.()}
      confirm="Leave"
      onConfirm={() => blocker.proceed?.()}
      pending={false}
      error={null}
    >
      <p>What you have changed on this picture is lost.</p>
    </ConfirmDialog>
  );
}
