import type { ButtonHTMLAttributes } from 'react';
import { Icon, type IconName } from './icon';

export type ButtonKind = 'main' | 'plain' | 'danger' | 'ghost';

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  kind?: ButtonKind;
  icon?: IconName;
  /** At work: it cannot be pressed again, and keeps its place and focus. */
  pending?: boolean;
}

export function buttonClass(kind: ButtonKind = 'plain'): string {
  return `button button-${kind}`;
}

export function Button({ kind, icon, pending = false, children, onClick, type = 'button', ...rest }: ButtonProps) {
  return (
    <button
      {...rest}
      type={type}
      className={buttonClass(kind)}
      aria-disabled={pending || undefined}
      aria-busy={pending || undefined}
      onClick={(event) => {
        if (pending) event.preventDefault();
        else onClick?.(event);
      }}
    >
      {pending ? <span className="spinner" aria-hidden="true" /> : icon && <Icon name={icon} />}
      {children}
    </button>
  );
}
