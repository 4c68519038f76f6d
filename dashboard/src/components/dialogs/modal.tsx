import { Dialog } from '@base-ui/react/dialog';
import { classes } from '../../theme/classes';
import styles from './modal.module.css';

interface ModalProps {
  open: boolean;
  onClose: () => void;
  title: React.ReactNode;
  note?: React.ReactNode;
  children: React.ReactNode;
  foot?: React.ReactNode;
  wide?: boolean;
  /** Something was typed or is being sent, so Escape and a click outside do not close the dialog. */
  guarded?: boolean;
  initialFocus?: React.RefObject<HTMLElement | null>;
}

/** A dialog over the page. The page behind does not scroll; focus returns to where it was. */
export function Modal({
  open,
  onClose,
  title,
  note,
  children,
  foot,
  wide,
  guarded,
  initialFocus,
}: ModalProps) {
  return (
    <Dialog.Root
      open={open}
      onOpenChange={(next, details) => {
        if (next) return;
        if (guarded && (details.reason === 'escape-key' || details.reason === 'outside-press'))
          return details.cancel();
        onClose();
      }}
    >
      <Dialog.Portal>
        <Dialog.Backdrop className={styles.veil} />
        <Dialog.Viewport className={styles.place}>
          <Dialog.Popup
            data-modal
            className={classes(styles.popup, wide && styles.wide)}
            initialFocus={initialFocus}
          >
            <div className={styles.body}>
              <div>
                <Dialog.Title className={styles.title}>{title}</Dialog.Title>
                {note !== undefined && (
                  <Dialog.Description className={styles.note} render={<div />}>
                    {note}
                  </Dialog.Description>
                )}
              </div>
              {children}
            </div>
            {foot !== undefined && <div className={styles.foot}>{foot}</div>}
          </Dialog.Popup>
        </Dialog.Viewport>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
