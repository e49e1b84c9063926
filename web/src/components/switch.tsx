import { useId } from 'react';

interface SwitchProps {
  label: string;
  /** What it means, in a sentence. */
  hint: React.ReactNode;
  checked: boolean;
  /** At work: it cannot be turned again, and keeps its place and focus. */
  pending?: boolean;
  onChange: (checked: boolean) => void;
}

/** Something that is on or off, and changes at once. */
export function Switch({ label, hint, checked, pending = false, onChange }: SwitchProps) {
  const id = useId();
  return (
    <div className="switch">
      <input
        id={id}
        type="checkbox"
        role="switch"
        checked={checked}
        aria-describedby={`${id}-hint`}
        aria-disabled={pending || undefined}
        onChange={(event) => pending || onChange(event.target.checked)}
      />
      <label htmlFor={id}>{label}</label>
      <p className="field-hint" id={`${id}-hint`}>
        {hint}
      </p>
    </div>
  );
}
