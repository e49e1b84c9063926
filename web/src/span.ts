/** A stretch of whole days in the reader's time zone. */
export interface Span {
  start: string;
  end: string;
  timeZone: string;
}

/** Returns the last so many days, today included. The same all day long, so that it can name a cache entry. */
export function lastDays(days = 30, now = new Date()): Span {
  const midnight = (offset: number) =>
    new Date(now.getFullYear(), now.getMonth(), now.getDate() + offset).toISOString();
  return {
    start: midnight(1 - days),
    end: midnight(1),
    timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
  };
}
