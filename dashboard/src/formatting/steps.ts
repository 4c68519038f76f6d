/** The checkout's steps in order, with their labels. The API may know a step that this build does not. */
const labels: Record<string, string> = {
  'reserve-stock': 'Reserve',
  'authorize-payment': 'Authorize',
  'capture-payment': 'Capture',
  'charge-payment': 'Charge',
  'place-order': 'Place',
};

export const checkoutSteps = Object.keys(labels);

export const formatStep = (step: string): string => labels[step] ?? step;
