import { useId } from 'react';
import type { TimeSeries } from '../api/types';

type Series = TimeSeries['series'][number];

/** From the ground up. Each result has a pattern as well as a colour. */
const RESULTS = [
  ['verified', 'Verified'],
  ['needs_you', 'Needs you'],
  ['differs', 'Differs'],
  ['failed', 'Failed'],
] as const;

const WIDTH = 320;
const HEIGHT = 110;
const LEFT = 22;
const BOTTOM = 16;
const TOP = 6;

const DAY = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });

interface OutcomeChartProps {
  name: string;
  times: string[];
  series: Series[];
  /** The busiest day of all charts beside each other, so that their heights can be compared. */
  top: number;
}

/** The outcomes on one platform: a bar a day, stacked by result. The table under the charts holds the same figures. */
export function OutcomeChart({ name, times, series, top }: OutcomeChartProps) {
  const patterns = useId();
  const step = (WIDTH - LEFT) / Math.max(1, times.length);
  const scale = (HEIGHT - TOP - BOTTOM) / top;
  const ground = HEIGHT - BOTTOM;
  return (
    <figure className="chart">
      <figcaption>
        <h3>{name}</h3>
      </figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={`${name}: ${inWords(series)}`}>
        <Patterns prefix={patterns} />
        <path className="chart-grid" d={`M${LEFT} ${TOP}H${WIDTH} M${LEFT} ${ground}H${WIDTH}`} />
        <text x={LEFT - 4} y={TOP + 4} textAnchor="end">
          {top}
        </text>
        <text x={LEFT - 4} y={ground} textAnchor="end">
          0
        </text>
        {times.map((time, day) => {
          let floor = ground;
          return RESULTS.map(([result, label]) => {
            const count = series.find((one) => one.result === result)?.counts[day] ?? 0;
            if (count === 0) return null;
            floor -= count * scale;
            return (
              <rect
                key={`${time} ${result}`}
                x={LEFT + day * step + step * 0.12}
                y={floor}
                width={step * 0.76}
                height={count * scale}
                fill={`url(#${patterns}${result})`}
              >
                <title>{`${DAY.format(new Date(time))}: ${count} ${label.toLowerCase()}`}</title>
              </rect>
            );
          });
        })}
        <text x={LEFT} y={HEIGHT - 3}>
          {times[0] && DAY.format(new Date(times[0]))}
        </text>
        <text x={WIDTH} y={HEIGHT - 3} textAnchor="end">
          {times.length > 1 && DAY.format(new Date(times.at(-1) ?? ''))}
        </text>
      </svg>
    </figure>
  );
}

/** The colours with their patterns, as fills for the bars of one drawing. */
function Patterns({ prefix }: { prefix: string }) {
  const strokes = {
    verified: '',
    needs_you: 'M0 3h6',
    differs: 'M-1 1l2-2M0 6l6-6M5 7l2-2',
    failed: 'M0 0l6 6M6 0L0 6',
  };
  return (
    <defs>
      {RESULTS.map(([result]) => (
        <pattern key={result} id={prefix + result} width="6" height="6" patternUnits="userSpaceOnUse">
          <rect width="6" height="6" className={`fill-${result}`} />
          <path d={strokes[result]} className="chart-stroke" />
        </pattern>
      ))}
    </defs>
  );
}

export function ChartLegend() {
  const patterns = useId();
  return (
    <ul className="row small" aria-label="Legend">
      {RESULTS.map(([result, label]) => (
        <li key={result} className="row legend">
          <svg width="14" height="14" viewBox="0 0 14 14" aria-hidden="true">
            <Patterns prefix={patterns} />
            <rect width="14" height="14" rx="3" fill={`url(#${patterns}${result})`} />
          </svg>
          {label}
        </li>
      ))}
    </ul>
  );
}

/** The charts' figures as text: the days on which something happened. */
export function OutcomeTable({ outcomes, nameOf }: { outcomes: TimeSeries; nameOf: (id: string) => string }) {
  const platforms = [...new Set(outcomes.series.map((series) => series.platform))];
  const rows = outcomes.times.flatMap((time, day) =>
    platforms.map((platform) => ({
      time,
      platform,
      counts: RESULTS.map(
        ([result]) =>
          outcomes.series.find((one) => one.platform === platform && one.result === result)?.counts[day] ?? 0,
      ),
    })),
  );
  return (
    <details>
      <summary>Show as a table</summary>
      <section className="table-frame" aria-label="Outcomes as a table" tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col">Day</th>
              <th scope="col">Platform</th>
              {RESULTS.map(([result, label]) => (
                <th key={result} scope="col">
                  {label}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows
              .filter(({ counts }) => counts.some((count) => count > 0))
              .map(({ time, platform, counts }) => (
                <tr key={`${time} ${platform}`}>
                  <th scope="row">{DAY.format(new Date(time))}</th>
                  <td>{nameOf(platform)}</td>
                  {RESULTS.map(([result], index) => (
                    <td key={result}>{counts[index]}</td>
                  ))}
                </tr>
              ))}
          </tbody>
        </table>
      </section>
    </details>
  );
}

function inWords(series: Series[]): string {
  const parts = RESULTS.map(([result, label]) => {
    const total = series
      .filter((one) => one.result === result)
      .reduce((sum, one) => sum + one.counts.reduce((all, count) => all + count, 0), 0);
    return [total, label.toLowerCase()] as const;
  });
  return parts
    .filter(([total]) => total > 0)
    .map(([total, label]) => `${total} ${label}`)
    .join(', ');
}
