import { useBlocker } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { ConfirmDialog } from '../components/dialog';
import { leaving } from '../leaving';

/** Asks before somebody leaves the page, or the account, and loses what is not saved. */
export function LeaveGuard({ isChanged }: { isChanged: boolean }) {
  const blocker = useBlocker({
    // Another place of the same picture is no leaving.
    shouldBlockFn: ({ current, next }) => isChanged && current.pathname !== next.pathname,
    enableBeforeUnload: () => isChanged,
    withResolver: true,
  });
  const [question, setQuestion] = useState<{ answer: (leave: boolean) => void } | null>(null);

  useEffect(() => {
    if (!isChanged) return undefined;
    return leaving.guard(() => new Promise((answer) => setQuestion({ answer })));
  }, [isChanged]);

  const answer = (leave: boolean) => {
    question?.answer(leave);
    setQuestion(null);
  };
  return (
    <ConfirmDialog
      title="Leave without saving?"
      open={blocker.status === 'blocked' || question !== null}
      onClose={() => {
        blocker.reset?.();
        answer(false);
      }}
      confirm="Leave"
      onConfirm={() => {
        blocker.proceed?.();
        answer(true);
      }}
      pending={false}
      error={null}
    >
      <p>What you have changed on this picture is lost.</p>
    </ConfirmDialog>
  );
}
