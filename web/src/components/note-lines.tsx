import type { Reason } from '../api/types';

/** What to know although all goes well, a line each. */
export function NoteLines({ notes }: { notes: Reason[] }) {
  return notes.map((note) => (
    <p key={note.code} className="small quiet">
      {note.message}
    </p>
  ));
}
