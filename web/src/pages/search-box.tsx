import { useEffect, useId, useState } from 'react';
import { Icon } from '../components/icon';

/** A pause this long ends a word. */
const PAUSE_MS = 250;

interface SearchBoxProps {
  label: string;
  /** What is searched for at present. */
  value: string;
  onSearch: (words: string) => void;
}

/** A field that searches while one types. */
export function SearchBox({ label, value, onSearch }: SearchBoxProps) {
  const id = useId();
  const [words, setWords] = useState(value);
  const [seen, setSeen] = useState(value);
  const [sent, setSent] = useState(value);
  if (value !== seen) {
    setSeen(value);
    // Unless it is what was typed here: changed by the browser's way back, say.
    if (value !== sent) setWords(value);
  }

  useEffect(() => {
    if (words === value) return;
    const timer = setTimeout(() => {
      setSent(words);
      onSearch(words);
    }, PAUSE_MS);
    return () => clearTimeout(timer);
  }, [words, value, onSearch]);

  return (
    <form
      role="search"
      className="search"
      onSubmit={(event) => {
        event.preventDefault();
        setSent(words);
        onSearch(words);
      }}
    >
      <label className="unseen" htmlFor={id}>
        {label}
      </label>
      <Icon name="search" />
      <input
        id={id}
        className="input"
        type="search"
        placeholder="Title, file name, description"
        value={words}
        maxLength={200}
        autoComplete="off"
        onChange={(event) => setWords(event.target.value)}
      />
    </form>
  );
}
