import { Dialog as AriaDialog, Heading, Modal, ModalOverlay } from 'react-aria-components';
import { Button } from './button';
import { ProblemNote } from './problem-note';

interface DialogProps {
  title: string;
  open: boolean;
  onClose: () => void;
  /** Closed by one of its buttons only: a slip would lose what it shows. */
  keep?: boolean;
  children: React.ReactNode;
}

/** A layer over the page that holds the focus until it is closed. */
export function Dialog({ title, open, onClose, keep = false, children }: DialogProps) {
  return (
    <ModalOverlay
      className="veil"
      isOpen={open}
      onOpenChange={(isOpen) => isOpen || onClose()}
      isDismissable={!keep}
      isKeyboardDismissDisabled={keep}
    >
      <Modal className="sheet">
        <AriaDialog className="stack">
          <Heading slot="title">{title}</Heading>
          {children}
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  );
}

interface ConfirmDialogProps extends DialogProps {
  /** The verb on the button, such as “Delete”. */
  confirm: string;
  onConfirm: () => void;
  pending: boolean;
  error: unknown;
}

/** Asks before something that cannot be taken back. */
export function ConfirmDialog({ confirm, onConfirm, pending, error, children, ...dialog }: ConfirmDialogProps) {
  return (
    <Dialog {...dialog}>
      {children}
      {error != null && <ProblemNote error={error} />}
      <div className="row">
        <Button kind="danger" pending={pending} onClick={onConfirm}>
          {confirm}
        </Button>
        <Button onClick={dialog.onClose}>Keep</Button>
      </div>
    </Dialog>
  );
}
