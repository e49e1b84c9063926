import { ToggleButton, ToggleButtonGroup } from 'react-aria-components';

interface SegmentsProps<Value extends string> {
  label: string;
  value: Value;
  options: readonly (readonly [Value, string])[];
  onChange: (value: Value) => void;
  /** For more than a few: they go on in the next line. */
  wrap?: boolean;
}

/** One choice of a few, side by side. */
export function Segments<Value extends string>({
  label,
  value,
  options,
  onChange,
  wrap = false,
}: SegmentsProps<Value>) {
  return (
    <ToggleButtonGroup
      className={wrap ? 'segments segments-wrap' : 'segments'}
      aria-label={label}
      selectionMode="single"
      disallowEmptySelection
      selectedKeys={[value]}
      onSelectionChange={(keys) => {
        const [chosen] = keys;
        if (chosen !== undefined) onChange(chosen as Value);
      }}
    >
      {options.map(([id, text]) => (
        <ToggleButton key={id} id={id}>
          {text}
        </ToggleButton>
      ))}
    </ToggleButtonGroup>
  );
}
