import { Column, Entity, PrimaryColumn } from 'typeorm';

export type Role = 'client' | 'viewer' | 'admin';

/** A key of a shop or an operator. A revoked one keeps its name. */
@Entity('api_keys')
export class ApiKeyEntity {
  @PrimaryColumn('uuid') id!: string;
  @Column('text', { unique: true }) name!: string;
  @Column('text') role!: Role;
  @Column('bytea', { unique: true }) keySha256!: Buffer;
  @Column('timestamptz', { default: () => 'clock_timestamp()' }) createdAt!: Date;
  @Column('timestamptz', { nullable: true }) revokedAt!: Date | null;
  @Column('text', { nullable: true }) stripeAccount!: string | null;
}

/** A browser that is signed in. */
@Entity('sessions')
export class SessionEntity {
  @PrimaryColumn('bytea') tokenSha256!: Buffer;
  @Column('bytea') keySha256!: Buffer;
  @Column('timestamptz', { default: () => 'clock_timestamp()' }) createdAt!: Date;
  @Column('timestamptz') expiresAt!: Date;
}

/** Failed sign-ins of one address. */
@Entity('sign_in_failures')
export class SignInFailureEntity {
  @PrimaryColumn('text', { collation: 'C' }) address!: string;
  @Column('int') failures!: number;
  @Column('timestamptz') since!: Date;
}
