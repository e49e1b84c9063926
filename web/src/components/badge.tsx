const HUES = 8;

/** A platform's sign: its initial on a colour that is always the same for the same id. */
export function Badge({ id, name }: { id: string; name: string }) {
  const hue = Array.from(id).reduce((sum, letter) => sum * 31 + (letter.codePointAt(0) ?? 0), 7) % HUES;
  return (
    <span className={`badge hue-${hue}`} aria-hidden="true">
      {(Array.from(name)[0] ?? '?').toUpperCase()}
    </span>
  );
}
