import type { ButtonHTMLAttributes, Ref } from 'react';
import { Icon, type IconName } from './icon';

export type ButtonKind = 'main' | 'plain' | 'danger' | 'ghost';

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  kind?: ButtonKind;
  icon?: IconName;
  /** At work: it cannot be pressed again, and keeps its place and focus. */
  pending?: boolean;
  /** Not yet to be pressed; keeps its place and focus. */
  held?: boolean;
  ref?: Ref<HTMLButtonElement>;
}

export function buttonClass(kind: ButtonKind = 'plain'): string {
  return `button button-${kind}`;
}

export function Button({
  kind,
  icon,
  pending = false,
  held = false,
  children,
  onClick,
  type = 'button',
  ...rest
}: ButtonProps) {
  return (
    <button
      {...rest}
      type={type}
      className={buttonClass(kind)}
      aria-disabled={pending || held || undefined}
      aria-busy={pending || undefined}
      onClick={(event) => {
        if (pending || held) event.preventDefault();
        else onClick?.(event);
      }}
    >
      {pending ? <span className="spinner" aria-hidden="true" /> : icon && <Icon name={icon} />}
      {children}
    </button>
  );
}
