/** Where one has been: what `cd <` and `cd >` walk along. */
const LENGTH_MAX = 100;

export class PathTrail {
  #paths: string[] = ['/'];
  #at = 0;

  get current(): string {
    return this.#paths[this.#at] ?? '/';
  }

  get paths(): readonly string[] {
    return this.#paths.slice(0, this.#at + 1);
  }

  /** The paths of earlier sessions lie behind; the session starts at the root. */
  load(paths: readonly string[]): void {
    this.#paths = paths.at(-1) === '/' ? [...paths] : [...paths, '/'];
    this.#at = this.#paths.length - 1;
  }

  go(path: string): void {
    if (path === this.current) return;
    this.#paths = [...this.#paths.slice(0, this.#at + 1), path].slice(-LENGTH_MAX);
    this.#at = this.#paths.length - 1;
  }

  /** The current node is gone: we stand above it. */
  replaceCurrent(path: string): void {
    this.#paths[this.#at] = path;
  }

  /** One step to a path that still exists; false at the end. */
  step(direction: -1 | 1, exists: (path: string) => boolean): boolean {
    const from = this.current;
    for (let at = this.#at + direction; at >= 0 && at < this.#paths.length; at += direction) {
      const path = this.#paths[at];
      if (path === undefined || path === from || !exists(path)) continue;
      this.#at = at;
      return true;
    }
    return false;
  }
}
