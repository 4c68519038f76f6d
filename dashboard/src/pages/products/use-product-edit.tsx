import { type ReactNode, useEffect, useRef, useState } from 'react';
import { answerOf, newKey } from '../../api/client';
import { Problem, asProblem } from '../../api/problem';
import type { Product, ProductConflict } from '../../api/shapes/products';
import { useKeep, useRefresh } from '../../api/use-api';
import { ConflictDialog } from '../../parts/conflict-dialog';
import { useToast } from '../../parts/toasts';
import {
  type Editable,
  bodyOf,
  chosenOf,
  conflictOf,
  differencesOf,
  editableOf,
  fieldWords,
} from './product-edits';

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
  /** What the edit was based on. */
  base: Editable;
  reason: string;
}

interface Edit {
  base: Editable;
  wanted: Editable;
  reason: string;
  ifMatch: string | null;
}

/** An edit that is based on one version and says so: another's change in between is shown and not overwritten. */
export function useProductEdit(sku: string, onClose: () => void): ProductEditing {
  const path = `products/${encodeURIComponent(sku)}`;
  const [base, setBase] = useState<{ product: Product; etag: string | null }>();
  const [trouble, setTrouble] = useState<Problem>();
  const [conflict, setConflict] = useState<Conflict>();
  const [choiceTrouble, setChoiceTrouble] = useState<Problem>();
  const [busy, setBusy] = useState(false);
  const isLost = useRef(false);
  const done = useDone(sku);

  useEffect(() => {
    answerOf<Product>('GET', path)
      .then(({ value, etag }) => setBase({ product: value, etag }))
      .catch((error: unknown) => setTrouble(asProblem(error)));
  }, [path]);

  const put = async ({ base: from, wanted, reason, ifMatch }: Edit, key: string) => {
    try {
      const body = bodyOf(wanted, reason);
      const { value } = await answerOf<Product>('PUT', path, { body, key, ifMatch: ifMatch ?? undefined });
      done(value, `${sku}: ${fieldWords(differencesOf(from, wanted))} saved.`);
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
    setChoiceTrouble(undefined);
    put({ base: now, wanted, reason, ifMatch: facts.currentEtag }, newKey())
      .then((saved) => saved && onClose())
      .catch((error: unknown) => setChoiceTrouble(asProblem(error)))
      .finally(() => setBusy(false));
  };

  return {
    base: base?.product,
    trouble,
    close: () => (isLost.current ? undefined : onClose()),
    save: (wanted, reason, key) =>
      put({ base: editableOf(base!.product), wanted, reason, ifMatch: base!.etag }, key),
    conflict: conflict ? (
      <ConflictDialog
        // A second conflict is another table with other choices.
        key={conflict.facts.currentEtag}
        open
        onClose={onClose}
        who={conflict.facts.changedBy}
        agoSeconds={conflict.facts.changedSecondsAgo}
        fields={conflictOf(conflict.base, editableOf(conflict.facts.now), editableOf(conflict.facts.yours))}
        onSave={saveChoice}
        busy={busy}
        problem={choiceTrouble}
      />
    ) : null,
  };
}

function useDone(sku: string): (product: Product, said: string) => void {
  const keep = useKeep();
  const refresh = useRefresh();
  const toast = useToast();
  return (product, said) => {
    keep(`products/${encodeURIComponent(sku)}`, product);
    refresh('products?');
    refresh('contention');
    refresh('actions');
    toast(said, { href: `/audit?objectId=${encodeURIComponent(sku)}`, label: 'See audit' });
  };
}
