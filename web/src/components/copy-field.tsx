import { useId, useRef, useState } from 'react';
import { Button } from './button';

/** A text to take along, with a button that copies it. */
export function CopyField({ label, value }: { label: string; value: string }) {
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const [outcome, setOutcome] = useState('');

  const copy = async () => {
    try {
      // Browsers offer no clipboard on plain http, where a home server may well live.
      await navigator.clipboard.writeText(value);
      setOutcome('Copied.');
    } catch {
      input.current?.select();
      setOutcome('It is selected: copy it with Ctrl+C or your phone’s menu.');
    }
  };

  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <div className="row copy">
        <input
          ref={input}
          className="input code grow"
          id={id}
          value={value}
          readOnly
          spellCheck={false}
          onFocus={(event) => event.currentTarget.select()}
        />
        <Button icon="copy" onClick={() => void copy()}>
          Copy<span className="unseen"> what is under {label}</span>
        </Button>
      </div>
      <p className="field-hint" role="status">
        {outcome}
      </p>
    </div>
  );
}
