import { Toast } from '@base-ui/react/toast';
import { X } from 'lucide-react';
import { useCallback } from 'react';
import { Link } from 'wouter';
import styles from './toasts.module.css';

/** Long enough to read twice; hover or focus keeps the toast open. */
const SHOWN_FOR_MS = 6000;

interface ToastLink {
  href: string;
  label: string;
}

/** Toasts at the bottom right. Never the only place where a failure is shown. */
export function ToastProvider({ children }: { children: React.ReactNode }) {
  return (
    <Toast.Provider limit={3} timeout={SHOWN_FOR_MS}>
      {children}
      <Toast.Portal>
        <Toast.Viewport className={styles.viewport} aria-label="Notifications">
          <ToastList />
        </Toast.Viewport>
      </Toast.Portal>
    </Toast.Provider>
  );
}

function ToastList() {
  const { toasts } = Toast.useToastManager();
  return toasts.map((toast) => (
    <Toast.Root key={toast.id} toast={toast} className={styles.toast} swipeDirection={[]}>
      <Toast.Content className={styles.content}>
        <Toast.Title className={styles.text} render={<div />}>
          {toast.title}
        </Toast.Title>
        <Toast.Close className={styles.close} aria-label="Close">
          <X size={14} aria-hidden />
        </Toast.Close>
      </Toast.Content>
    </Toast.Root>
  ));
}

/** Shows a toast, with a link to the result. */
export function useToast(): (text: string, link?: ToastLink) => void {
  const { add } = Toast.useToastManager();
  return useCallback(
    (text: string, link?: ToastLink) =>
      void add({
        title: (
          <>
            {text} {link && <Link href={link.href}>{link.label}</Link>}
          </>
        ),
      }),
    [add],
  );
}
