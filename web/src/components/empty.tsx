import { Icon, type IconName } from './icon';

/** Says why there is nothing, and what brings something. */
export function Empty({ icon, title, children }: { icon: IconName; title: string; children: React.ReactNode }) {
  return (
    <div className="empty">
      <Icon name={icon} size={32} />
      <h2>{title}</h2>
      {children}
    </div>
  );
}
