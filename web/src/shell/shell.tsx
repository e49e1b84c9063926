import { useMutation, useQuery, useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { Link, Outlet, useNavigate } from '@tanstack/react-router';
import { Menu, MenuItem, MenuTrigger, Popover, Button as PressButton } from 'react-aria-components';
import { answer, api } from '../api/client';
import { meQuery, unreadQuery } from '../api/queries';
import { Icon, type IconName } from '../components/icon';
import { Mark } from '../components/mark';
import { leaving } from '../leaving';
import { useLiveUpdates } from '../live/use-live-updates';
import { useFinishedUploads } from '../uploads/use-finished-uploads';
import { ConfirmItsYou } from './confirm-its-you';
import { OfflineNote } from './offline-note';
import { ToastRegion } from './toast-region';
import { useAllPages } from './use-all-pages';

const PLACES: {
  to: '/' | '/library' | '/defaults' | '/connections' | '/syncs' | '/analytics';
  label: string;
  icon: IconName;
}[] = [
  { to: '/', label: 'Home', icon: 'home' },
  { to: '/library', label: 'Library', icon: 'library' },
  { to: '/defaults', label: 'Defaults', icon: 'star' },
  { to: '/connections', label: 'Connections', icon: 'link' },
  { to: '/syncs', label: 'Syncs', icon: 'sync' },
  { to: '/analytics', label: 'Analytics', icon: 'chart' },
];

/** The frame around every page of a signed-in person. */
export function Shell() {
  useLiveUpdates();
  useFinishedUploads();
  useAllPages();
  return (
    <div className="shell">
      <a className="skip" href="#main">
        Skip to content
      </a>
      <header className="shell-head">
        <Link to="/" className="brand" aria-label="Linkarooie, home">
          <Mark />
          <span>Linkarooie</span>
        </Link>
        <NoticesLink />
        <AccountMenu />
      </header>
      <nav className="shell-nav" aria-label="Main">
        <ul>
          {PLACES.map(({ to, label, icon }) => (
            <li key={to}>
              <Link to={to} activeOptions={{ exact: to === '/' }} activeProps={{ 'aria-current': 'page' }}>
                <Icon name={icon} />
                {label}
              </Link>
            </li>
          ))}
        </ul>
      </nav>
      {/* Before the main part: from the heading of a page that was just opened, it is one step back. */}
      <ToastRegion />
      <main className="shell-main" id="main" tabIndex={-1}>
        <OfflineNote />
        <Outlet />
      </main>
      <ConfirmItsYou />
    </div>
  );
}

function NoticesLink() {
  const unread = useQuery(unreadQuery).data ?? 0;
  return (
    <Link to="/notices" className="icon-button" aria-label={unread ? `Notices, ${unread} unread` : 'Notices'}>
      <Icon name="bell" />
      {unread > 0 && (
        <span className="count figures" aria-hidden="true">
          {unread > 99 ? '99+' : unread}
        </span>
      )}
    </Link>
  );
}

function AccountMenu() {
  const { data: me } = useSuspenseQuery(meQuery);
  const navigate = useNavigate();
  const cache = useQueryClient();
  const logOut = useMutation({
    mutationFn: () => answer(api.POST('/v1/auth/logout')),
    onSuccess: async () => {
      // Whoever had something to lose has let go of it.
      await navigate({ to: '/login', ignoreBlocker: true });
      cache.clear();
    },
  });
  const askAndLogOut = async () => {
    if (await leaving.isAllowed()) logOut.mutate();
  };
  return (
    <MenuTrigger>
      <PressButton className="icon-button" aria-label="Account">
        <Icon name="person" />
      </PressButton>
      <Popover className="popover" placement="bottom end">
        <p className="menu-head">
          <strong>{me.display_name}</strong>
          <span className="small quiet">{me.email}</span>
        </p>
        <Menu className="menu" aria-label="Account">
          <MenuItem className="menu-item" onAction={() => void navigate({ to: '/profile' })}>
            Profile
          </MenuItem>
          <MenuItem className="menu-item" onAction={() => void navigate({ to: '/settings' })}>
            Settings
          </MenuItem>
          {me.role !== 'user' && (
            <MenuItem className="menu-item" onAction={() => void navigate({ to: '/admin/accounts' })}>
              Accounts
            </MenuItem>
          )}
          <MenuItem className="menu-item" onAction={() => void askAndLogOut()}>
            Log out
          </MenuItem>
        </Menu>
      </Popover>
    </MenuTrigger>
  );
}
