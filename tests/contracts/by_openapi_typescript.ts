// Compiled against the types that openapi-typescript generates. Each line marked as an error must be one.
import type { components, operations } from './generated/openapi-typescript';

type Schemas = components['schemas'];

export function describe(call: Schemas['Call']): string {
  const period: string = call.period ? `${call.period.from} to ${call.period.to}` : 'now';
  const charged: number = call.payment.charged?.amount ?? 0;
  return `${call.status} ${call.payment.status} ${period} ${charged} ${call.cancelled_by ?? ''}`;
}

export function fare(service: Schemas['Service']): number {
  const rule = service.policy.fare;
  switch (rule.kind) {
    case 'fixed':
      return rule.amount;
    case 'period':
      return rule.minimum;
    case 'distance':
      return rule.base;
  }
}

// Nothing that has a default is required of a request.
export const noFaults: Schemas['Faults'] = {};
export const registration: Schemas['Registration'] = { service: 'taxi', name: 'Kim' };
export const position: Schemas['Positions'] = { lat: 37.5, lng: 127.0 };
export const request: Schemas['NewCall'] = {
  service: 'driver-call',
  pickup: { lat: 37.4979, lng: 127.0276 },
  payment: { method: 'tok_ok' },
};
export const query: operations['get_calls']['parameters']['query'] = { status: ['assigned', 'started'], active: true };

type Accept = operations['post_calls_id_accept']['responses'];
export const code: Accept[409]['content']['application/problem+json']['code'] = 'call_taken';
export const retryAfter: Accept[503]['headers']['Retry-After'] = 2;

export function misspelt(
  call: Schemas['Call'],
  driver: Schemas['Driver'],
  problem: Schemas['Problem'],
  entry: Schemas['Entry'],
  me: Schemas['Me'],
): boolean[] {
  return [
    // @ts-expect-error there is no such status of a call
    call.status === 'complete',
    // @ts-expect-error there is no such status of a payment
    call.payment.status === 'paid',
    // @ts-expect-error there is no such status of a driver
    driver.status === 'busy',
    // @ts-expect-error there is no such code
    problem.code === 'declined',
    // @ts-expect-error there is no such event
    entry.event === 'accepted',
    // @ts-expect-error there is no such role
    me.role === 'admin',
  ];
}
