import { useEffect } from 'react';
import type { SignInPage as SignInFacts } from '../../api/openapi';
import { Modal } from '../../components/dialogs/modal';
import { Logo } from '../../components/values/logo';
import { SignInForm } from './sign-in-form';
import styles from './sign-in.module.css';

/** The page for users who are not signed in. */
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
        <p className={styles.what}>Sign in with a viewer or admin key.</p>
        <SignInForm page={page} />
      </div>
    </main>
  );
}

/** Shown when the session ends while a page is open. The page stays behind it, with everything that was typed. */
export function SignInAgain() {
  return (
    <Modal
      open
      guarded
      onClose={() => undefined}
      title="Your session has ended"
      note="Sign in to continue where you were. Nothing you typed is lost."
    >
      <SignInForm page={null} />
    </Modal>
  );
}
