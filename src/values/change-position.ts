/** A place in a tenant's log of status changes; what its numbers are is the store's own business. */
export function isChangePosition(text: string): boolean {
  return /^\d{1,19}-\d{1,20}$/.test(text);
}
