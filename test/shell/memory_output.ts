import type { Output } from '../../src/shell/output.ts';

/** What a terminal would show: stdout and stderr in order, without colours. */
export class MemoryOutput implements Output {
  text = '';
  errors = '';
  readonly tty: boolean;
  readonly color: boolean;
  readonly columns: number | undefined;

  constructor(options: { readonly columns?: number; readonly color?: boolean } = {}) {
    this.tty = options.columns !== undefined;
    this.color = options.color ?? false;
    this.columns = options.columns;
  }

  out(text: string): void {
    this.text += text;
  }

  err(text: string): void {
    this.text += text;
    this.errors += text;
  }

  /** What was written since the last time. */
  take(): string {
    const { text } = this;
    this.text = '';
    this.errors = '';
    return text;
  }
}
