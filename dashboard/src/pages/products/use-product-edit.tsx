import { type ReactNode, useEffect, useRef, useState } from 'react';
import { newKey, request } from '../../api/client';
import { Problem, toProblem } from '../../api/problem';
import type { Product, ProductConflict } from '../../api/openapi';
import { useInvalidate, useSetCached } from '../../api/use-api';
import { ConflictDialog } from '../../components/dialogs/conflict-dialog';
import { useToast } from '../../components/feedback/toasts';
import {
  bodyOf,
  chosenOf,
  conflictOf,
  differencesOf,
  type Editable,
  editableOf,
  formatFields,
} from './product-edits';

interface ProductEditing {
  /** The version the edit is based on; undefined until it is loaded. */
  base: Product | undefined;
  error: Problem | undefined;
  /** Null when someone else saved first; the conflict is then shown. */
  save: (wanted: Editable, reason: string, key: string) => Promise<Product | null>;
  /** Replaces the dialog when someone else saved first. */
  conflict: ReactNode;
  /** Closes the dialog, unless the conflict has replaced it. */
  close: () => void;
}

interface Conflict {
  facts: ProductConflict;
  /** The version the edit was based on. */
  base: Editable;
  reason: string;
}

interface Edit {
  base: Editable;
  wanted: Editable;
  reason: string;
  ifMatch: string | null;
}

/** An edit with If-Match: a change that someone else saved in between is shown, not overwritten. */
export function useProductEdit(sku: string, onClose: () => void): ProductEditing {
  const path = `products/${encodeURIComponent(sku)}`;
  const { base, error } = useBase(path);
  const [conflict, setConflict] = useState<Conflict>();
  const [choiceError, setChoiceError] = useState<Problem>();
  const [busy, setBusy] = useState(false);
  const isLost = useRef(false);
  const done = useDone(sku);

  const put = async ({ base: from, wanted, reason, ifMatch }: Edit, key: string) => {
    try {
      const body = bodyOf(wanted, reason);
      const { value } = await request<Product>('PUT', path, {
        body,
        key,
        ifMatch: ifMatch ?? undefined,
      });
      done(value, `${sku}: ${formatFields(differencesOf(from, wanted))} saved.`);
      return value;
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 412) throw error;
      const facts = error.facts as unknown as ProductConflict;
      if (differencesOf(editableOf(facts.now), editableOf(facts.yours)).length === 0) {
        done(facts.now, `${facts.changedBy ?? 'Somebody'} has already made the same change to ${sku}.`);
        return facts.now;
      }
      isLost.current = true;
      setConflict({ facts, base: from, reason });
      return null;
    }
  };

  const saveChoice = (choice: Record<string, 'now' | 'yours'>) => {
    const { facts, reason } = conflict!;
    const now = editableOf(facts.now);
    const wanted = chosenOf(now, editableOf(facts.yours), choice);
    setBusy(true);
    setChoiceError(undefined);
    put({ base: now, wanted, reason, ifMatch: facts.currentEtag }, newKey())
      .then((saved) => saved && onClose())
      .catch((error: unknown) => setChoiceError(toProblem(error)))
      .finally(() => setBusy(false));
  };

  return {
    base: base?.product,
    error,
    close: () => (isLost.current ? undefined : onClose()),
    save: (wanted, reason, key) =>
      put({ base: editableOf(base!.product), wanted, reason, ifMatch: base!.etag }, key),
    conflict: conflict ? (
      <ConflictDialog
        // A second conflict starts with fresh choices.
        key={conflict.facts.currentEtag}
        open
        onClose={onClose}
        who={conflict.facts.changedBy}
        agoSeconds={conflict.facts.changedSecondsAgo}
        fields={conflictOf(conflict.base, editableOf(conflict.facts.now), editableOf(conflict.facts.yours))}
        onSave={saveChoice}
        busy={busy}
        problem={choiceError}
      />
    ) : null,
  };
}

/** The version that the edit starts from. */
function useBase(path: string) {
  const [base, setBase] = useState<{ product: Product; etag: string | null }>();
  const [error, setError] = useState<Problem>();
  useEffect(() => {
    request<Product>('GET', path)
      .then(({ value, etag }) => setBase({ product: value, etag }))
      .catch((problem: unknown) => setError(toProblem(problem)));
  }, [path]);
  return { base, error };
}

function useDone(sku: string): (product: Product, message: string) => void {
  const setCached = useSetCached();
  const invalidate = useInvalidate();
  const toast = useToast();
  return (product, message) => {
    setCached(`products/${encodeURIComponent(sku)}`, product);
    invalidate('products?');
    invalidate('contention');
    invalidate('actions');
    toast(message, { href: `/audit?objectId=${encodeURIComponent(sku)}`, label: 'Show in audit log' });
  };
}
