import { occursIn } from './tokens.ts';

/** So many questions are answered by searching the text before its words are indexed. */
const questionsBeforeIndex = 8;

/** Which tokens stand in a text on their own: what {@link occursIn} says, for many tokens of one long text. */
export class Occurrences {
  readonly #text: string;
  readonly #answers = new Map<string, boolean>();
  #words: Set<string> | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  readonly has = (token: string): boolean => {
    let answer = this.#answers.get(token);
    if (answer === undefined) this.#answers.set(token, (answer = this.#find(token)));
    return answer;
  };

  #find(token: string): boolean {
    if (this.#answers.size < questionsBeforeIndex) return occursIn(this.#text, token);
    this.#words ??= new Set(wordsOf(this.#text));
    const words = wordsOf(token);
    return words.every((word) => this.#words?.has(word)) && (words[0] === token || occursIn(this.#text, token));
  }
}

function wordsOf(text: string): string[] {
  return text.match(/[A-Za-z0-9]+/g) ?? [];
}
