import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  IsBoolean,
  IsIn,
  IsObject,
  Matches,
  MaxLength,
  ValidateBy,
  ValidateNested,
  isEmail,
} from 'class-validator';
import { type FieldError, ValidationFailed } from '../errors';
import { IsText, MayBeAbsent } from '../http/validation';
import { type PaymentOptions, atAccount, setupFutureUsages } from '../payment/payment-options';

/** An id of the provider's. */
const IsProviderId = (what: string) =>
  applyDecorators(
    Matches(/^[\x21-\x7e]+$/, { message: `$property must be the provider's ${what}, without spaces` }),
    IsText(255),
  );

export const IsPaymentMethod = () => IsProviderId('token');

/** Longer ones do not survive browsers and proxies. */
const urlLengthMax = 2_048;
/** Stripe's: at most 22 characters with the prefix of the account, at least one letter, Latin script, and none of `< > \ ' " *`. */
const suffixPattern = /^(?=.*\p{Script=Latin})[\p{Script=Latin}\d !#$%&()+,./:;=?@[\]^_`{|}~-]{1,22}$/u;

/** ASCII, as Stripe requires; and the library throws at half a character. */
const IsReceiptEmail = () =>
  ValidateBy({
    name: 'isEmail',
    validator: {
      validate: (value) => typeof value === 'string' && /^[\x21-\x7e]+$/.test(value) && isEmail(value),
      defaultMessage: () => '$property must be an email address in ASCII, e.g. buyer@example.com',
    },
  });

/** A rule between two fields of the payment. */
const FitsWith = (code: string, fits: (payment: PaymentDto) => boolean, message: string) =>
  ValidateBy({
    name: code,
    validator: {
      validate: (_, facts) => fits(facts!.object as PaymentDto),
      defaultMessage: () => message,
    },
  });

/** How a buyer pays: the method, and what Stripe needs to know about it. */
export class PaymentDto {
  @ApiProperty({ description: "The provider's token of a card.", example: 'pm_card_visa' })
  @IsPaymentMethod()
  method!: string;

  @MayBeAbsent({
    description: "The provider's id of the buyer. A saved method needs the customer it is saved for.",
    example: 'cus_9s6XKzkNRiz8i3',
  })
  @IsProviderId('id of a customer')
  customer?: string;

  @MayBeAbsent({
    description:
      'The buyer is not there to authenticate: a saved card is charged, or declined if its bank insists.',
  })
  @FitsWith(
    'off_session_needs_customer',
    ({ offSession, customer }) => offSession !== true || customer !== undefined,
    'offSession charges a saved method, so give the customer that it is saved for',
  )
  @FitsWith(
    'off_session_with_setup',
    ({ offSession, setupFutureUsage }) => offSession !== true || setupFutureUsage === undefined,
    'a method cannot be set up for later while the buyer is away; leave out offSession or setupFutureUsage',
  )
  @IsBoolean({ message: 'offSession must be true or false' })
  offSession?: boolean;

  @MayBeAbsent({ description: 'Saves the method for later payments.', enum: setupFutureUsages })
  @IsIn(setupFutureUsages, { message: `setupFutureUsage must be ${setupFutureUsages.join(' or ')}` })
  setupFutureUsage?: (typeof setupFutureUsages)[number];

  @MayBeAbsent({
    description:
      'Where the bank sends the buyer back to after authentication: a page, or a link into an app.',
    example: 'https://shop.example/checkout/done',
  })
  @Matches(/^(?!(javascript|data|vbscript):)[a-z][a-z\d+.-]*:\/\/[\x21-\x7e]+$/i, {
    message: 'returnUrl must be a whole URL, e.g. https://shop.example/done',
  })
  @MaxLength(urlLengthMax, { message: `returnUrl must have at most ${urlLengthMax} characters` })
  returnUrl?: string;

  @MayBeAbsent({
    description: "Follows the account's prefix on the buyer's card statement.",
    example: 'ORDER 4711',
    maxLength: 22,
  })
  @Matches(suffixPattern, {
    message:
      'statementSuffix must be 1 to 22 Latin characters with at least one letter, and none of < > \\ \' " *',
  })
  statementSuffix?: string;

  @MayBeAbsent({ description: 'Where the provider sends its receipt.', example: 'buyer@example.com' })
  @IsReceiptEmail()
  receiptEmail?: string;
}

export const IsPayment = () =>
  applyDecorators(
    Type(() => PaymentDto),
    ValidateNested(),
    IsObject({ message: 'payment must be an object with a method' }),
  );

/** A payment as an order stores it. */
export interface RequestedPayment {
  paymentMethod: string;
  payment: PaymentOptions | null;
}

/** `stripeAccount`: of the key that asks for it. */
export function requestedPayment(
  { method, ...options }: PaymentDto,
  stripeAccount: string | null,
): RequestedPayment {
  return { paymentMethod: method, payment: atAccount(options, stripeAccount) };
}

/** The short form or the object, never both. */
export function paymentOf(
  { payment, paymentMethod }: { payment?: PaymentDto; paymentMethod?: string },
  stripeAccount: string | null,
): RequestedPayment {
  if ((payment === undefined) === (paymentMethod === undefined)) throw new ValidationFailed(eitherPayment);
  return requestedPayment(payment ?? { method: paymentMethod! }, stripeAccount);
}

const eitherPayment: FieldError = {
  pointer: '/paymentMethod',
  code: 'payment_or_payment_method',
  detail:
    'Give either payment or paymentMethod, which is short for payment.method; not both and not neither.',
};
