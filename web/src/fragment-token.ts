import { useLocation, useNavigate } from '@tanstack/react-router';
import { useEffect, useState } from 'react';

/** Reads the token of a letter's link from what stands behind its `#`, where no server sees it. */
export function tokenIn(fragment: string): string | undefined {
  return new URLSearchParams(fragment.replace(/^#/, '')).get('token') || undefined;
}

/** Takes the token out of the address, so that neither the history nor a screenshot of the page keeps it. */
export function useFragmentToken(): string | undefined {
  const found = tokenIn(useLocation({ select: (location) => location.hash }));
  const navigate = useNavigate();
  const [token, setToken] = useState(found);
  // Another letter's link, opened while this page stood.
  if (found !== undefined && found !== token) setToken(found);
  useEffect(() => {
    if (found !== undefined) void navigate({ to: '.', hash: '', replace: true });
  }, [found, navigate]);
  return token;
}
