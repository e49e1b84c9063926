/** Reads the named text fields of a form. */
export function entries<Name extends string>(form: HTMLFormElement, names: Name[]): Record<Name, string> {
  const data = new FormData(form);
  return Object.fromEntries(names.map((name) => [name, textOf(data.get(name))])) as Record<Name, string>;
}

const textOf = (value: FormDataEntryValue | null) => (typeof value === 'string' ? value : '');
