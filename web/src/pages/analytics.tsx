import { useSuspenseQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { overviewQuery, timeSeriesQuery } from '../api/queries';
import type { Overview } from '../api/types';
import { buttonClass } from '../components/button';
import { Empty } from '../components/empty';
import { Page } from '../components/page';
import { Segments } from '../components/segments';
import { formatDuration } from '../format';
import { usePlatforms } from '../platforms';
import { lastDays } from '../span';
import { ChartLegend, OutcomeChart, OutcomeTable } from './outcome-chart';

const route = getRouteApi('/signed-in/analytics');

const SPANS = [
  ['7', '7 days'],
  ['30', '30 days'],
  ['90', '90 days'],
] as const;

export function AnalyticsPage() {
  const { days = 30 } = route.useSearch();
  const navigate = route.useNavigate();
  const span = lastDays(days);
  const { data: overview } = useSuspenseQuery(overviewQuery(span));
  const { data: outcomes } = useSuspenseQuery(timeSeriesQuery(span));
  const { named } = usePlatforms();
  const platforms = [...new Set(outcomes.series.map((series) => series.platform))];
  const busiest = Math.max(1, ...platforms.map((id) => busiestDay(outcomes.series.filter((s) => s.platform === id))));
  return (
    <Page
      title="Analytics"
      lead="What came of your syncs, by platform and day."
      actions={
        <Segments
          label="Time"
          value={String(days) as (typeof SPANS)[number][0]}
          options={SPANS}
          onChange={(chosen) => {
            const search = chosen === '7' ? { days: 7 as const } : chosen === '90' ? { days: 90 as const } : {};
            void navigate({ search, replace: true });
          }}
        />
      }
    >
      <div className="stack-wide">
        <Sums overview={overview} />
        {platforms.length === 0 ? (
          <Empty icon="chart" title={`No sync ended in the last ${days} days`}>
            <p>
              A chart needs something to count: it fills as soon as a platform shows, or refuses, a picture of yours.
            </p>
            <Link to="/library" className={buttonClass('main')}>
              Go to the library
            </Link>
          </Empty>
        ) : (
          <>
            <section className="stack" aria-labelledby="outcomes">
              <div className="row row-between">
                <h2 id="outcomes">Outcomes by day</h2>
                <ChartLegend />
              </div>
              <ul className="tiles charts">
                {platforms.map((id) => (
                  <li key={id} className="card">
                    <OutcomeChart
                      name={named(id).name}
                      times={outcomes.times}
                      series={outcomes.series.filter((series) => series.platform === id)}
                      top={busiest}
                    />
                  </li>
                ))}
              </ul>
              <OutcomeTable outcomes={outcomes} nameOf={(id) => named(id).name} />
            </section>
            <ByPlatform overview={overview} />
          </>
        )}
      </div>
    </Page>
  );
}

function busiestDay(series: { counts: number[] }[]): number {
  const days = series[0]?.counts.length ?? 0;
  return Math.max(
    0,
    ...Array.from({ length: days }, (_, day) => series.reduce((sum, s) => sum + (s.counts[day] ?? 0), 0)),
  );
}

function Sums({ overview }: { overview: Overview }) {
  const total = (field: 'verified' | 'failed' | 'needs_you') =>
    overview.platforms.reduce((sum, platform) => sum + platform[field], 0);
  const sums: [string, number][] = [
    ['Pictures added', overview.images_uploaded],
    ['Syncs', overview.syncs_requested],
    ['Verified', total('verified')],
    ['Failed', total('failed')],
    ['Needed you', total('needs_you')],
  ];
  return (
    <dl className="sums">
      {sums.map(([name, count]) => (
        <div key={name} className="card">
          <dt className="small quiet">{name}</dt>
          <dd className="figures">{count}</dd>
        </div>
      ))}
    </dl>
  );
}

function ByPlatform({ overview }: { overview: Overview }) {
  const { named } = usePlatforms();
  return (
    <section className="stack" aria-labelledby="by-platform">
      <h2 id="by-platform">By platform</h2>
      <section className="table-frame" aria-label="Figures by platform" tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col">Platform</th>
              <th scope="col">Verified</th>
              <th scope="col">Failed</th>
              <th scope="col">Needed you</th>
              <th scope="col">Time to verified, median</th>
            </tr>
          </thead>
          <tbody>
            {overview.platforms.map((platform) => (
              <tr key={platform.platform}>
                <th scope="row">{named(platform.platform).name}</th>
                <td>{platform.verified}</td>
                <td>{platform.failed}</td>
                <td>{platform.needs_you}</td>
                <td>
                  {platform.median_seconds_to_verified === null
                    ? 'none yet'
                    : formatDuration(platform.median_seconds_to_verified)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </section>
  );
}
