import { type ReactNode, useEffect, useRef, useState } from 'react';
import { answerOf, newKey } from '../../api/client';
import { Problem, asProblem } from '../../api/problem';
import type { Product, ProductConflict } from '../../api/shapes/products';
import { useKeep, useRefresh } from '../../api/use-api';
import { ConflictDialog } from '../../parts/conflict-dialog';
import { useToast } from '../../parts/toasts';
import { type Editable, bodyOf, chosenOf, differencesOf, editableOf } from './product-edits';

interface ProductEditing {
  /** The product as it was when the dialog opened, which the edit is based on; undefined until it is known. */
  base: Product | undefined;
  trouble: Problem | undefined;
  /** Null: somebody was faster, and the conflict is what is shown now. */
  save: (wanted: Editable, reason: string, key: string) => Promise<Product | null>;
  /** In the dialog's place when somebody was faster. */
  conflict: ReactNode;
  /** For the dialog: it closes by itself when it is done, but not when the conflict takes its place. */
  close: () => void;
}

interface Conflict {
  facts: ProductConflict;
  reason: string;
}

/** An edit that is based on one version and says so: another's change in between is shown and not overwritten. */
export function useProductEdit(sku: string, onClose: () => void): ProductEditing {
  const path = `products/${encodeURIComponent(sku)}`;
  const [base, setBase] = useState<{ product: Product; etag: string | null }>();
  const [trouble, setTrouble] = useState<Problem>();
  const [conflict, setConflict] = useState<Conflict>();
  const [busy, setBusy] = useState(false);
  const isLost = useRef(false);
  const done = useDone(sku);

  useEffect(() => {
    answerOf<Product>('GET', path)
      .then(({ value, etag }) => setBase({ product: value, etag }))
      .catch((error: unknown) => setTrouble(asProblem(error)));
  }, [path]);

  const put = async (wanted: Editable, reason: string, key: string, ifMatch: string | null) => {
    try {
      const body = bodyOf(wanted, reason);
      const { value } = await answerOf<Product>('PUT', path, { body, key, ifMatch: ifMatch ?? undefined });
      done(value);
      return value;
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 412) throw error;
      isLost.current = true;
      setConflict({ facts: error.facts as unknown as ProductConflict, reason });
      return null;
    }
  };

  const saveChoice = (choice: Record<string, 'now' | 'yours'>) => {
    const { facts, reason } = conflict!;
    const wanted = chosenOf(editableOf(facts.now), editableOf(facts.yours), choice);
    setBusy(true);
    put(wanted, reason, newKey(), facts.currentEtag)
      .then((saved) => saved && onClose())
      .catch((error: unknown) => {
        // Back to the edit, which is now based on what it lost against, with the refusal in it.
        isLost.current = false;
        setBase({ product: facts.now, etag: facts.currentEtag });
        setTrouble(asProblem(error));
        setConflict(undefined);
      })
      .finally(() => setBusy(false));
  };

  return {
    base: base?.product,
    trouble,
    close: () => (isLost.current ? undefined : onClose()),
    save: (wanted, reason, key) => put(wanted, reason, key, base?.etag ?? null),
    conflict: conflict ? (
      <ConflictDialog
        // A second conflict is another table with other choices.
        key={conflict.facts.currentEtag}
        open
        onClose={onClose}
        who={conflict.facts.changedBy}
        agoSeconds={conflict.facts.changedSecondsAgo}
        fields={differencesOf(editableOf(conflict.facts.now), editableOf(conflict.facts.yours))}
        onSave={saveChoice}
        busy={busy}
      />
    ) : null,
  };
}

function useDone(sku: string): (product: Product) => void {
  const keep = useKeep();
  const refresh = useRefresh();
  const toast = useToast();
  return (product) => {
    keep(`products/${encodeURIComponent(sku)}`, product);
    refresh('products?');
    refresh('contention');
    refresh('actions');
    toast(`${sku} was changed.`, { href: `/audit?objectId=${encodeURIComponent(sku)}`, label: 'See audit' });
  };
}
