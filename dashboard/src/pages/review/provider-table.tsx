import type { ReactNode } from 'react';
import type { Comparison, SagaOptions } from '../../api/openapi';
import { ScrollBox } from '../../components/tables/scroll-box';
import { Ago, None, When } from '../../components/values/figures';
import { capitalize } from '../../formatting/statuses';
import { classes } from '../../theme/classes';
import { Known } from '../orders/order-facts';
import styles from './provider-table.module.css';

const amounts = ['authorized', 'captured', 'voided', 'refunded'] as const;

/** Our record beside the provider's. Rows that differ are violet. */
export function ProviderTable({ options, at }: { options: SagaOptions; at: number }) {
  const { recorded, provider } = options;
  // During a deploy an API of the previous build may answer without the comparison.
  const comparison: Partial<SagaOptions['comparison']> = (options as Partial<SagaOptions>).comparison ?? {};
  const heard = provider.askedAt !== null;
  return (
    <div>
      <ScrollBox label="Our record and the provider's">
        <table className={styles.table}>
          <thead>
            <tr>
              <th scope="col">Fact</th>
              <th scope="col">Holdfast recorded</th>
              <th scope="col">
                Provider says
                {provider.answered && provider.askedSecondsAgo !== null ? (
                  <>
                    , asked <Ago seconds={provider.askedSecondsAgo} at={at} /> ago
                  </>
                ) : null}
              </th>
            </tr>
          </thead>
          <tbody>
            {amounts.map((name) => (
              <Row
                key={name}
                name={capitalize(name)}
                ours={<Known of={recorded[name]} />}
                theirs={heard ? <Known of={provider[name]} /> : <None>no answer</None>}
                comparison={comparison[name]}
              />
            ))}
            <Row
              name="Reference"
              ours={recorded.reference ? <code>{recorded.reference}</code> : <None />}
              theirs={provider.reference ? <code>{provider.reference}</code> : <None />}
              comparison={comparison.reference}
            />
          </tbody>
        </table>
      </ScrollBox>
      {provider.answered ? null : (
        <p className={styles.silent}>
          {provider.problem ?? 'The provider did not answer.'}{' '}
          {provider.askedAt ? (
            <>
              Its column is from <When at={provider.askedAt} />.
            </>
          ) : null}
        </p>
      )}
    </div>
  );
}

function Row(props: { name: string; ours: ReactNode; theirs: ReactNode; comparison?: Comparison }) {
  const differs = props.comparison === 'differs';
  return (
    <tr className={classes(differs && styles.differs)}>
      <th scope="row">
        {props.name}
        {differs ? <span className="unseen">, differs</span> : null}
        {props.comparison === 'not_heard' ? <small> not known yet</small> : null}
      </th>
      <td>{props.ours}</td>
      <td>{props.theirs}</td>
    </tr>
  );
}
