import { useSuspenseInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { activityQuery } from '../../api/queries';
import { ActivityList } from '../../components/activity-list';
import { Empty } from '../../components/empty';
import { More } from '../../components/more';
import { Page } from '../../components/page';

export function SecurityPage() {
  const query = useSuspenseInfiniteQuery(activityQuery);
  const activities = query.data.pages.flatMap((page) => page.items);
  return (
    <Page
      title="Security activity"
      lead="Who did what to your account, when and from where. Nobody can change or remove a line of it."
    >
      <div className="stack narrow">
        {activities.length === 0 ? (
          <Empty icon="clock" title="Nothing yet">
            <p>From your next sign-in on, it is listed here.</p>
          </Empty>
        ) : (
          <>
            <div className="note">
              <p>
                Something that was not you? <Link to="/settings/sessions">End the other sessions</Link>, then{' '}
                <Link to="/settings">change your password</Link>.
              </p>
            </div>
            <ActivityList activities={activities} />
          </>
        )}
        <More query={query} what="activity" />
      </div>
    </Page>
  );
}
