import * as fc from 'fast-check';
import { bytes, command, key, oneOf, several } from './values.ts';

/** Commands around MULTI, mixed by the harness with those of every group, which are then queued. */
export const transactionCommand: fc.Arbitrary<string[]> = fc.oneof(
  { weight: 4, arbitrary: command('MULTI') }, { weight: 5, arbitrary: command('EXEC') }, command('DISCARD'),
  { weight: 3, arbitrary: command('WATCH', several(key)) }, command('UNWATCH'),
  { weight: 2, arbitrary: command('SET', key, bytes) }, command('INCR', key), command('DEL', key), command('GET', key),
  command('BLPOP', several(key), '0.001'), command('RPUSH', key, bytes), command('BRPOPLPUSH', key, key, '0.001'),
  oneOf(['GET'], ['foo'], ['EXEC', 'x'], ['SELECT', '1'], ['RESET'], ['QUEUED']),
);
