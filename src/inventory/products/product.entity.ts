import { Column, Entity, PrimaryColumn } from 'typeorm';

@Entity('products')
export class ProductEntity {
  @PrimaryColumn('text', { collation: 'C' }) sku!: string;
  @Column('text') name!: string;
  @Column('bigint') unitAmount!: number;
  @Column('text') currency!: string;
  @Column('text') strategy!: string;
  @Column('int', { nullable: true }) quantityPerOrderMax!: number | null;
  @Column('int', { nullable: true }) reservationsPerCustomerMax!: number | null;
  @Column('int', { default: 1 }) version!: number;
  @Column('timestamptz', { default: () => 'clock_timestamp()' }) createdAt!: Date;
  @Column('timestamptz', { default: () => 'clock_timestamp()' }) updatedAt!: Date;
  @Column({ type: 'text', array: true, collation: 'C', default: () => "'{main}'" }) pools!: string[];
  /** Units that are never offered, over all pools. */
  @Column('int', { default: 0 }) safetyStock!: number;
  @Column('timestamptz', { nullable: true }) salesStartAt!: Date | null;
  @Column('timestamptz', { nullable: true }) salesEndAt!: Date | null;
  @Column('int', { nullable: true }) unitsPerCustomerMax!: number | null;
}
