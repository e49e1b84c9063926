import { Icon, type IconName } from './icon';

export type Tone = 'good' | 'warn' | 'bad' | 'busy' | 'idle';

export interface Look {
  tone: Tone;
  icon: IconName;
  label: string;
}

/** A state in colour, sign and word, so that none of them is needed alone. */
export function Chip({ tone, icon, label }: Look) {
  return (
    <span className={`chip chip-${tone}`}>
      <Icon name={icon} size={16} />
      {label}
    </span>
  );
}
