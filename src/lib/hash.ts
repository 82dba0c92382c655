/** MurmurHash3 x86 32-bit (Austin Appleby, public domain) over the low byte of each char, of a part of the text where told. Used to place slots. */
export function murmur3(text: string, seed = 0, from = 0, to: number = text.length): number {
  let h = seed | 0;
  const length = to - from;
  const blocks = from + (length & ~3);
  let k: number;
  for (let i = from; i < blocks; i += 4) {
    k = (text.charCodeAt(i) & 0xff) | ((text.charCodeAt(i + 1) & 0xff) << 8)
      | ((text.charCodeAt(i + 2) & 0xff) << 16) | ((text.charCodeAt(i + 3) & 0xff) << 24);
    k = Math.imul(k, 0xcc9e2d51);
    k = (k << 15) | (k >>> 17);
    h ^= Math.imul(k, 0x1b873593);
    h = (h << 13) | (h >>> 19);
    h = (Math.imul(h, 5) + 0xe6546b64) | 0;
  }
  k = 0;
  const tail = length & 3;
  if (tail === 3) k ^= (text.charCodeAt(blocks + 2) & 0xff) << 16;
  if (tail >= 2) k ^= (text.charCodeAt(blocks + 1) & 0xff) << 8;
  if (tail >= 1) {
    k ^= text.charCodeAt(blocks) & 0xff;
    k = Math.imul(k, 0xcc9e2d51);
    k = (k << 15) | (k >>> 17);
    h ^= Math.imul(k, 0x1b873593);
  }
  h ^= length;
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  h ^= h >>> 16;
  return h >>> 0;
}
