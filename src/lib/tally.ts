/** Adds to one place of a typed array; returns what is there then. */
export function tally(array: Float64Array | Uint8Array | Int32Array | Uint32Array, index: number, by: number): number {
  const value = (array[index] as number) + by;
  array[index] = value;
  return value;
}
