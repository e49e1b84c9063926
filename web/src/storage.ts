import { formatBytes } from './format';

/** From here on there is a warning. */
const NEARLY_FULL = 0.9;

export interface Storage {
  /** From 0 to 1; null where there is no limit. */
  share: number | null;
  level: 'fine' | 'nearly-full' | 'full';
  text: string;
}

/** How full the library is, in words. */
export function storageOf({ used_bytes, quota_bytes }: { used_bytes: number; quota_bytes: number | null }): Storage {
  if (quota_bytes === null) return { share: null, level: 'fine', text: `${formatBytes(used_bytes)} used` };
  const share = Math.min(1, used_bytes / quota_bytes);
  return {
    share,
    level: share >= 1 ? 'full' : share >= NEARLY_FULL ? 'nearly-full' : 'fine',
    text: `${formatBytes(used_bytes)} of ${formatBytes(quota_bytes)} used`,
  };
}
