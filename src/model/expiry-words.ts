import { duration } from '../lib/duration.ts';
import type { ExpiryEffect } from './run.ts';

/** What a case did to an expiry, in words. */
export function expiryInWords(expiry: ExpiryEffect | null): string {
  if (expiry === null) return 'expiry left alone';
  switch (expiry.kind) {
    case 'relative': return `expires ${duration(expiry.ms)} after it is set`;
    case 'absolute': return `expires ${duration(expiry.ms)} after the request`;
    case 'cleared': return 'expiry cleared: it never expires';
  }
}
