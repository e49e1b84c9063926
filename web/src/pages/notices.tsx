import { useMutation, useQuery, useQueryClient, useSuspenseInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { answer, api } from '../api/client';
import { keys } from '../api/keys';
import { noticesQuery, unreadQuery } from '../api/queries';
import type { Notice } from '../api/types';
import { Button, buttonClass } from '../components/button';
import { Empty } from '../components/empty';
import { Icon, type IconName } from '../components/icon';
import { Moment } from '../components/moment';
import { More } from '../components/more';
import { Page } from '../components/page';
import { ProblemNote } from '../components/problem-note';

export function NoticesPage() {
  const query = useSuspenseInfiniteQuery(noticesQuery);
  const unread = useQuery(unreadQuery).data ?? 0;
  const read = useMarkRead();
  const notices = query.data.pages.flatMap((page) => page.items);
  return (
    <Page
      title="Notices"
      lead="What happened while you were away, and what waits for you."
      actions={
        unread > 0 && (
          <Button icon="check" pending={read.isPending} onClick={() => read.mutate(null)}>
            Mark all as read
          </Button>
        )
      }
    >
      <div className="stack">
        {read.isError && <ProblemNote error={read.error} />}
        {notices.length === 0 ? (
          <Empty icon="bell" title="No notices yet">
            <p>When a sync ends or something needs you, it says so here and by e-mail.</p>
          </Empty>
        ) : (
          <ul className="stack" aria-label="Notices">
            {notices.map((notice) => (
              <NoticeRow key={notice.id} notice={notice} onRead={() => read.mutate([notice.id])} />
            ))}
          </ul>
        )}
        <More query={query} what="notices" />
      </div>
    </Page>
  );
}

function useMarkRead() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (ids: string[] | null) => answer(api.POST('/v1/notices/read', { body: { ids } })),
    onSuccess: () => cache.invalidateQueries({ queryKey: keys.notices }),
  });
}

const SIGNS: Record<Notice['level'], { icon: IconName; tone: string; word: string }> = {
  success: { icon: 'check', tone: 'good', word: 'Good news' },
  info: { icon: 'bell', tone: 'busy', word: 'For your information' },
  action_needed: { icon: 'hand', tone: 'warn', word: 'Needs you' },
  unspecified: { icon: 'bell', tone: 'idle', word: 'Notice' },
};

function NoticeRow({ notice, onRead }: { notice: Notice; onRead: () => void }) {
  const sign = SIGNS[notice.level];
  return (
    <li className={`card notice ${notice.read_at ? '' : 'notice-unread'}`}>
      <span className={`sign sign-${sign.tone}`}>
        <Icon name={sign.icon} />
        <span className="unseen">{sign.word}</span>
      </span>
      <div className="grow stack-tight">
        <h2 className="notice-title">
          {notice.title}
          {!notice.read_at && <span className="unseen"> (unread)</span>}
        </h2>
        <p className="reason">{notice.body}</p>
        <p className="small quiet">
          <Moment at={notice.created_at} />
        </p>
        {notice.action_path && (
          <div>
            <Link className={buttonClass()} to={notice.action_path} onClick={() => notice.read_at || onRead()}>
              {notice.action_label ?? 'Go there'}
            </Link>
          </div>
        )}
      </div>
      {!notice.read_at && (
        <button
          type="button"
          className="icon-button"
          aria-label={`Mark as read: ${notice.title}`}
          title="Mark as read"
          onClick={onRead}
        >
          <Icon name="check" />
        </button>
      )}
    </li>
  );
}
