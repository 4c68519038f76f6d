import type { SagaGoods } from '../../../api/openapi';
import { Field } from '../../../components/forms/field';

interface QuantityFieldsProps {
  goods: readonly SagaGoods[];
  problems: Readonly<Record<string, string>>;
  valueOf: (one: SagaGoods) => string;
  hintOf: (one: SagaGoods) => string;
  onChange: (sku: string, text: string) => void;
}

/** One field per SKU, for a number of units. */
export const QuantityFields = ({ goods, problems, valueOf, hintOf, onChange }: QuantityFieldsProps) => (
  <>
    {goods.map((one) => (
      <Field
        key={one.sku}
        label={<code>{one.sku}</code>}
        hint={hintOf(one)}
        error={problems[one.sku] ?? null}
      >
        {(input) => (
          <input
            {...input}
            inputMode="numeric"
            autoComplete="off"
            value={valueOf(one)}
            onChange={(event) => onChange(one.sku, event.target.value)}
          />
        )}
      </Field>
    ))}
  </>
);
