/** How figures and times are written for people: in the language of the client's texts, in the browser's time zone. */

const LOCALE = 'en-GB';

const DECIMALS = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 1 });

/** Bytes as people read them, in powers of ten like the platforms' own limits: 950 B, 12.3 kB, 4 MB, 2 GB. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 999_950) return `${DECIMALS.format(bytes / 1000)} kB`;
  if (bytes < 999_950_000) return `${DECIMALS.format(bytes / 1_000_000)} MB`;
  return `${DECIMALS.format(bytes / 1_000_000_000)} GB`;
}

/** A media type by the name that people know: image/jpeg is JPEG. */
export function formatMediaType(mediaType: string): string {
  const subtype = mediaType.split('/')[1] ?? mediaType;
  return subtype.split('+')[0]?.toUpperCase() ?? subtype;
}

export function formatPixels(width: number, height: number): string {
  return `${width} × ${height} px`;
}

/** A length of time in its two largest units at most. */
export function formatDuration(seconds: number): string {
  if (seconds < 60) return `${DECIMALS.format(seconds)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return join([Math.floor(whole / 60), 'min'], [whole % 60, 's']);
  return join([Math.floor(whole / 3600), 'h'], [Math.round((whole % 3600) / 60), 'min']);
}

function join([large, largeUnit]: [number, string], [small, smallUnit]: [number, string]): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
];

const RELATIVE = new Intl.RelativeTimeFormat(LOCALE, { numeric: 'auto' });

/** A moment as seen from now while it is near (“3 minutes ago”, “in 2 hours”), else its date. */
export function formatRelative(at: Date, now: Date): string {
  const seconds = (at.getTime() - now.getTime()) / 1000;
  const distance = Math.abs(seconds);
  if (distance < 45) return seconds > 0 ? 'in a moment' : 'just now';
  if (distance >= 7 * 86_400) return at.toLocaleDateString(LOCALE, { dateStyle: 'medium' });
  for (const [unit, length] of STEPS) {
    if (distance >= length * 0.95) return RELATIVE.format(Math.round(seconds / length), unit);
  }
  return RELATIVE.format(Math.round(seconds / 60), 'minute');
}

/** When something planned comes, as one would say it: “in a moment”, “14:20”, “tomorrow, 04:10”, “Thursday, 04:10”, or its date. */
export function formatUpcoming(at: Date, now: Date): string {
  if (at.getTime() - now.getTime() < 45_000) return 'in a moment';
  const time = at.toLocaleTimeString(LOCALE, { timeStyle: 'short' });
  // Of calendar days, which are not all of the same length.
  const days = Math.round((midnightOf(at) - midnightOf(now)) / 86_400_000);
  if (days === 0) return time;
  if (days === 1) return `tomorrow, ${time}`;
  if (days < 7) return `${at.toLocaleDateString(LOCALE, { weekday: 'long' })}, ${time}`;
  return at.toLocaleString(LOCALE, { dateStyle: 'medium', timeStyle: 'short' });
}

function midnightOf(at: Date): number {
  return new Date(at.getFullYear(), at.getMonth(), at.getDate()).getTime();
}

/** When something began that goes on: its time of day, with the day unless that is today (“14:02”, “3 Dec, 14:02”). */
export function formatSince(at: Date, now: Date): string {
  const time = at.toLocaleTimeString(LOCALE, { timeStyle: 'short' });
  if (midnightOf(at) === midnightOf(now)) return time;
  return `${at.toLocaleDateString(LOCALE, { day: 'numeric', month: 'short' })}, ${time}`;
}

/** A day of the months around now: 3 December. */
export function formatDay(at: Date): string {
  return at.toLocaleDateString(LOCALE, { day: 'numeric', month: 'long' });
}

export function formatMoment(at: Date): string {
  return at.toLocaleString(LOCALE, { dateStyle: 'medium', timeStyle: 'medium' });
}
