import type { Reason } from '../api/types';

/** The server's sentence on why something is as it is. */
export function ReasonText({ reason }: { reason: Reason | null }) {
  return reason ? <p className="reason">{reason.message}</p> : null;
}
