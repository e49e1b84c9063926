import { useState } from 'react';
import type { TaggedRevision } from '../api/edits';
import type { Edit, Edits } from '../api/types';
import { redo, startHistory, step, undo } from '../edits/history';
import { sameEdits, withEdit } from '../edits/model';

export interface Editor {
  edits: Edits;
  /** What was there when it began, or was saved or taken over since. */
  begun: TaggedRevision;
  isChanged: boolean;
  canUndo: boolean;
  canRedo: boolean;
  change: (edits: Edits, gesture?: string) => void;
  changeEdit: (slot: string | undefined, edit: Edit, gesture?: string) => void;
  undo: () => void;
  redo: () => void;
  /** Goes on from what is on the server by now; with `show`, it is shown, and can be undone. */
  goOnFrom: (revision: TaggedRevision, show: boolean) => void;
}

/** What somebody does to a picture before it is saved. Follows the server until there is something to lose. */
export function useEditor(present: TaggedRevision): Editor {
  const [begun, setBegun] = useState(present);
  const [history, setHistory] = useState(() => startHistory(editsOf(present)));
  const isChanged = !sameEdits(history.present, editsOf(begun));
  if (!isChanged && present.revision.number > begun.revision.number) {
    setBegun(present);
    setHistory(startHistory(editsOf(present)));
  }

  const change = (edits: Edits, gesture?: string) => setHistory((before) => step(before, edits, gesture ?? null));
  return {
    edits: history.present,
    begun,
    isChanged,
    canUndo: history.past.length > 0,
    canRedo: history.future.length > 0,
    change,
    changeEdit: (slot, edit, gesture) => change(withEdit(history.present, slot, edit), gesture),
    undo: () => setHistory(undo),
    redo: () => setHistory(redo),
    goOnFrom: (revision, show) => {
      setBegun(revision);
      if (show) change(editsOf(revision));
    },
  };
}

function editsOf({ revision: { base, overrides } }: TaggedRevision): Edits {
  return { base, overrides };
}
