import { printable } from '../lib/bytes.ts';
import { ForeshardError } from '../model/errors.ts';

/** A bad record that is kept as an example. */
export interface BadRecord {
  /** Number of the line or record within its input, from 1 on. */
  readonly number: number;
  readonly reason: string;
  /** The start of it, control characters made printable. */
  readonly excerpt: string;
}

/** Something that is no bad record and yet should be known: what it is, of which command or kind, how often. */
export interface ImportNote {
  readonly what: string;
  readonly subject: string;
  readonly count: number;
}

/** How {@link ImportProblems.open} names an input. */
export interface InputDescription {
  /** As the user wrote it. */
  readonly input: string;
  /** The name of the format it is read as. */
  readonly format: string;
  /** What one record of the format looks like, for messages. */
  readonly expected: string;
  /** What is counted. */
  readonly unit: 'line' | 'record';
}

const keptExamples = 5;
const excerptChars = 120;
/** So many bad records and no good one: the rest need not be read. */
const hopeless = 1_000;
/** Fewer bad records than this refuse an input only if it has no good ones. */
const fewestBad = 10;
/** Subjects come from the input: there must be no end of memory for them. */
const mostSubjects = 500;

/** The start of a text that came from outside, for one line of a message: control characters as `\xNN`, cut at 120 characters. */
export function excerptOf(text: string): string {
  const start = text.slice(0, excerptChars + 1);
  const shown = /^[\0-\xff]*$/.test(start) ? printable(start) : start;
  const clean = shown.replace(/[\u0000-\u001f\u007f-\u009f]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
  return clean.length > excerptChars ? `${clean.slice(0, excerptChars - 1)}…` : clean;
}

/** What was wrong with one input: bad records by reason, examples, notes. */
export class InputProblems {
  readonly description: InputDescription;
  readonly #reasons = new Map<string, number>();
  readonly #notes = new Map<string, { readonly what: string; readonly subject: string; count: number }>();
  readonly #examples: BadRecord[] = [];
  #good = 0;
  #bad = 0;

  constructor(description: InputDescription) {
    this.description = description;
  }

  /** Records that could be read. */
  get good(): number {
    return this.#good;
  }

  /** Records that could not. */
  get bad(): number {
    return this.#bad;
  }

  /** How many records each reason made bad. */
  get reasons(): ReadonlyMap<string, number> {
    return this.#reasons;
  }

  /** The first bad records, five at most. */
  get examples(): readonly BadRecord[] {
    return this.#examples;
  }

  /** All notes, the most frequent first. */
  get notes(): readonly ImportNote[] {
    return [...this.#notes.values()].sort((a, b) => b.count - a.count);
  }

  /** Counts records that could be read. */
  addGood(count = 1): void {
    this.#good += count;
  }

  /**
   * Counts a record that could not be read.
   * @throws ForeshardError `input_unreadable` after 1,000 of them and no good one
   */
  addBad(record: { readonly number: number; readonly reason: string; readonly text: string }): void {
    this.#bad++;
    this.#reasons.set(record.reason, (this.#reasons.get(record.reason) ?? 0) + 1);
    if (this.#examples.length < keptExamples) this.#examples.push({ number: record.number, reason: record.reason, excerpt: excerptOf(record.text) });
    if (this.#good === 0 && this.#bad >= hopeless) throw this.#refusal();
  }

  /** Counts something that does not make a record bad. */
  note(what: string, subject: string, count = 1): void {
    const named = excerptOf(subject);
    const name = `${what}\u0000${named}`;
    const known = this.#notes.get(name);
    if (known !== undefined) known.count += count;
    else if (this.#notes.size < mostSubjects || named === 'others') this.#notes.set(name, { what, subject: named, count });
    else this.note(what, 'others', count);
  }

  /**
   * Ends the input.
   * @throws ForeshardError `input_unreadable` where more than half of the records, and at least ten or all, were bad
   */
  finish(): void {
    const isMostlyBad = this.#bad > this.#good && (this.#bad >= fewestBad || this.#good === 0);
    if (isMostlyBad) throw this.#refusal();
  }

  /** What went wrong in a few lines of plain English; none where nothing did. */
  describe(): string[] {
    const { input, unit } = this.description;
    const lines: string[] = [];
    if (this.#bad > 0) {
      const reasons = [...this.#reasons].sort((a, b) => b[1] - a[1]).map(([reason, count]) => `${count} ${reason}`);
      lines.push(`${input}: ${this.#bad} of ${this.#bad + this.#good} ${unit}s left out: ${reasons.join(', ')}`);
      for (const example of this.#examples) lines.push(`  ${unit} ${example.number}: ${example.reason}: ${example.excerpt}`);
    }
    for (const { what, subject, count } of this.notes) lines.push(`${input}: ${what}: ${subject} (${count})`);
    return lines;
  }

  #refusal(): ForeshardError {
    const { input, format, expected, unit } = this.description;
    const first = this.#examples[0] as BadRecord;
    const counts = `${this.#bad} of ${this.#bad + this.#good} ${unit}s are not what was expected of the format ${format}: ${expected}`;
    const message = `${input}: ${counts}. The first one, ${unit} ${first.number}: ${first.reason}: ${first.excerpt}`;
    return new ForeshardError('input_unreadable', message, { hint: `Name the format it has: --format ${format === 'combined' ? "nginx --log-format '…'" : '<name>'}.` });
  }
}

/** What was wrong with all inputs of an import. */
export class ImportProblems {
  readonly #inputs: InputProblems[] = [];

  /** Starts a count for one more input. */
  open(description: InputDescription): InputProblems {
    const input = new InputProblems(description);
    this.#inputs.push(input);
    return input;
  }

  /** By input, in the order they were opened. */
  get inputs(): readonly InputProblems[] {
    return this.#inputs;
  }

  /** Bad records of all inputs. */
  get bad(): number {
    return this.#inputs.reduce((sum, input) => sum + input.bad, 0);
  }

  /** Everything that went wrong, in plain English. */
  describe(): string[] {
    return this.#inputs.flatMap((input) => input.describe());
  }
}
