interface Watcher {
  known: number;
  readonly onChange: (revision: number) => void;
}

/** Who waits for another revision, each with the one it knows. */
export class RevisionWatchers {
  readonly #watchers = new Set<Watcher>();

  /** Adds a watcher that knows this revision; returns what ends it. */
  add(known: number, onChange: (revision: number) => void): () => void {
    const watcher: Watcher = { known, onChange };
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  /** Tells everyone who knows another revision than this one, whether it is older or newer. */
  tell(revision: number): void {
    for (const watcher of this.#watchers) {
      if (watcher.known === revision) continue;
      watcher.known = revision;
      watcher.onChange(revision);
    }
  }

  get size(): number {
    return this.#watchers.size;
  }

  /** Ends all of them. */
  clear(): void {
    this.#watchers.clear();
  }
}
