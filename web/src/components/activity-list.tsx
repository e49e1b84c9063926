import { describeActivity } from '../activities';
import type { Activity } from '../api/types';
import { Icon } from './icon';
import { Moment } from './moment';

/** What happened to an account, newest first. */
export function ActivityList({ activities }: { activities: Activity[] }) {
  return (
    <ul className="stack-tight" aria-label="Activity">
      {activities.map((activity) => {
        const { icon, striking, what, from } = describeActivity(activity);
        return (
          <li key={activity.id} className="card row">
            <span className={`sign ${striking ? 'sign-warn' : ''}`}>
              <Icon name={icon} />
            </span>
            <div className="grow stack-tight">
              <p>
                {what}
                {striking && <span className="unseen"> (worth a second look)</span>}
              </p>
              <p className="small quiet">
                {from.map((part) => `${part} · `)}
                <Moment at={activity.at} />
              </p>
            </div>
          </li>
        );
      })}
    </ul>
  );
}
