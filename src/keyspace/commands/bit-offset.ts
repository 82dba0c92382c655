import type { ByteString } from '../../lib/bytes.ts';
import { parseInt64 } from '../integers.ts';
import { CommandError } from '../reply.ts';
import { maxStringLength } from './strings.ts';

/** A bit offset: `#n` counts in fields of `width` bits where that is allowed. Bit 0 is the highest of the first byte. */
export function bitOffsetArgument(text: ByteString, width?: number): number {
  const counted = width !== undefined && text.startsWith('#');
  const value = parseInt64(counted ? text.slice(1) : text);
  const offset = value === undefined ? -1 : Number(value) * (counted ? width : 1);
  if (offset < 0 || offset >= maxStringLength * 8) throw new CommandError('ERR bit offset is not an integer or out of range');
  return offset;
}
