// Compiled against the client that @hey-api/openapi-ts generates. Each line marked as an error must be one.
import { getCalls, getMe, postCalls } from './generated/hey-api';
import type { Call, Faults } from './generated/hey-api';

export const noFaults: Faults = {};

export async function order(key: string): Promise<string> {
  const { data, error } = await postCalls({
    headers: { 'Idempotency-Key': key },
    body: { service: 'taxi', pickup: { lat: 37.4979, lng: 127.0276 }, dropoff: { lat: 37.5547, lng: 126.9707 } },
  });
  if (data) return data.status === 'dispatching' ? data.id : data.status;
  return error?.code === 'payment_declined' ? (error.call?.id ?? '') : 'refused';
}

export async function active(): Promise<Call[]> {
  const { data } = await getCalls({ query: { status: ['assigned', 'started'], limit: 200 } });
  return data?.items ?? [];
}

export async function misspelt(): Promise<boolean> {
  // @ts-expect-error there is no such status
  await getCalls({ query: { status: ['asigned'] } });
  const { data } = await getMe();
  // @ts-expect-error there is no such role
  return data?.role === 'admin';
}
