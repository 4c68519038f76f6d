import { useEffect } from 'react';
import type { SignInPage as SignInFacts } from '../../api/shapes/session';
import { Modal } from '../../components/dialogs/modal';
import { Logo } from '../../components/values/logo';
import { SignInForm } from './sign-in-form';
import styles from './sign-in.module.css';

/** What somebody sees who is not signed in. */
export function SignInPage({ page }: { page: SignInFacts | null }) {
  useEffect(() => void (document.title = 'Sign in · Holdfast'), []);
  return (
    <main className={styles.page}>
      <div className={styles.card}>
        <div className={styles.brand}>
          <Logo />
          <h1>Holdfast</h1>
          {page && <span className={styles.environment}>{page.environment}</span>}
        </div>
        <p className={styles.what}>Sign in with a viewer or an admin key.</p>
        <SignInForm page={page} />
      </div>
    </main>
  );
}

/** The session ended while a page was open: it stays as it is behind this, with whatever was typed and not sent. */
export function SignInAgain() {
  return (
    <Modal
      open
      guarded
      onClose={() => undefined}
      title="Your session has ended"
      note="Sign in to go on where you were. Nothing that you typed is lost."
    >
      <SignInForm page={null} />
    </Modal>
  );
}
