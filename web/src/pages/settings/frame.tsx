import { Link, Outlet } from '@tanstack/react-router';

const PLACES = [
  { to: '/settings', label: 'Account' },
  { to: '/settings/sign-in', label: 'Sign-in methods' },
  { to: '/settings/sessions', label: 'Sessions' },
  { to: '/settings/api-keys', label: 'API keys' },
  { to: '/settings/avatar', label: 'Avatar address' },
  { to: '/settings/security', label: 'Security activity' },
] as const;

/** What the pages of the settings have in common: the way from one to the other. */
export function SettingsFrame() {
  return (
    <div className="stack">
      <nav className="tabs" aria-label="Settings">
        <ul>
          {PLACES.map(({ to, label }) => (
            <li key={to}>
              <Link
                to={to}
                activeOptions={{ exact: true, includeSearch: false }}
                activeProps={{ 'aria-current': 'page' }}
              >
                {label}
              </Link>
            </li>
          ))}
        </ul>
      </nav>
      <div>
        <Outlet />
      </div>
    </div>
  );
}
