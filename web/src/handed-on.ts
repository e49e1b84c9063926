import { useLocation } from '@tanstack/react-router';

declare module '@tanstack/react-router' {
  interface HistoryState {
    /** An address that one page hands on to the next. Kept out of the address bar, and so out of servers' logs. */
    email?: string;
  }
}

/** The e-mail address that the page before handed on, if any. */
export function useHandedEmail(): string | undefined {
  return useLocation({ select: (location) => location.state.email });
}
