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

export function formatMoment(at: Date): string {
  return at.toLocaleString(LOCALE, { dateStyle: 'medium', timeStyle: 'medium' });
}
