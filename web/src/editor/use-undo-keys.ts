import { useEffect } from 'react';
import type { Editor } from './use-editor';

/** Fields with an undo of their own. */
const OWN_UNDO = 'textarea, input:not([type="checkbox"], [type="radio"], [type="color"])';

/** Ctrl+Z, and Ctrl+Shift+Z or Ctrl+Y; with the command key on a Mac. */
export function useUndoKeys({ undo, redo }: Pick<Editor, 'undo' | 'redo'>): void {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
      if (event.target instanceof Element && event.target.closest(OWN_UNDO)) return;
      const key = event.key.toLowerCase();
      const wanted = key === 'z' ? (event.shiftKey ? redo : undo) : key === 'y' && !event.shiftKey ? redo : null;
      if (!wanted) return;
      event.preventDefault();
      wanted();
    };
    window.addEventListener('keydown', press);
    return () => window.removeEventListener('keydown', press);
  });
}
