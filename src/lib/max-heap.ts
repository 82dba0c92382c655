/** A binary heap of numbered items by a key each; the largest comes first, of equals any. An item may be in it more than once, with the keys it had. */
export class MaxHeap {
  readonly #items: number[] = [];
  readonly #keys: number[] = [];

  get size(): number {
    return this.#items.length;
  }

  push(item: number, key: number): void {
    let at = this.#items.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if ((this.#keys[parent] as number) >= key) break;
      this.#set(at, this.#items[parent] as number, this.#keys[parent] as number);
      at = parent;
    }
    this.#set(at, item, key);
  }

  /** The item with the largest key and that key; undefined when there is none. */
  pop(): { readonly item: number; readonly key: number } | undefined {
    const item = this.#items[0];
    const key = this.#keys[0];
    const last = this.#items.pop();
    const lastKey = this.#keys.pop();
    if (item === undefined || key === undefined || last === undefined || lastKey === undefined) return undefined;
    if (this.#items.length > 0) this.#sink(last, lastKey);
    return { item, key };
  }

  #sink(item: number, key: number): void {
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.#items.length) break;
      if (child + 1 < this.#items.length && (this.#keys[child + 1] as number) > (this.#keys[child] as number)) child++;
      if ((this.#keys[child] as number) <= key) break;
      this.#set(at, this.#items[child] as number, this.#keys[child] as number);
      at = child;
    }
    this.#set(at, item, key);
  }

  #set(at: number, item: number, key: number): void {
    this.#items[at] = item;
    this.#keys[at] = key;
  }
}
