/** What text is drawn into: 8 bits each of red, green, blue and opacity. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** A glyph of 3×5 pixels is five octal digits, a row each; 4 is the left pixel. */
const glyphs: Readonly<Record<string, string>> = {
  0: '75557', 1: '26227', 2: '71747', 3: '71317', 4: '55711', 5: '74717', 6: '74757', 7: '71222', 8: '75757', 9: '75717',
  A: '25755', B: '65656', C: '34443', D: '65556', E: '74647', F: '74644', G: '34553', H: '55755', I: '72227', J: '11152', K: '55655', L: '44447', M: '57755',
  N: '65555', O: '25552', P: '65644', Q: '25563', R: '65655', S: '34216', T: '72222', U: '55557', V: '55552', W: '55775', X: '55255', Y: '55222', Z: '71247',
  ':': '02020', '.': '00002', '-': '00700', _: '00007', '/': '11244', '*': '05250', '%': '51245', '|': '22222', '{': '32623', '}': '62326', '(': '24442', ')': '21112',
  '+': '02720', '=': '07070', '?': '71202', '&': '25256', '<': '12421', '>': '42124', '#': '57575', ',': '00024', '@': '25743', ' ': '00000',
};
const unknown = '75557';

/** Width of a text in pixels. */
export function textWidth(text: string, scale: number): number {
  return text.length * 4 * scale;
}

/** Draws a text in capitals; what does not fit into the picture is left out. */
export function drawText(picture: Picture, { text, x, y, scale, colour }: { readonly text: string; readonly x: number; readonly y: number; readonly scale: number; readonly colour: readonly [number, number, number] }): void {
  Array.from(text.toUpperCase()).forEach((char, index) => {
    const rows = glyphs[char] ?? unknown;
    for (let pixel = 0; pixel < 15 * scale * scale; pixel++) {
      const [column, row] = [pixel % (3 * scale), Math.floor(pixel / (3 * scale))];
      if ((Number(rows[Math.floor(row / scale)]) & (4 >> Math.floor(column / scale))) === 0) continue;
      const [px, py] = [x + index * 4 * scale + column, y + row];
      if (px < picture.width && py < picture.height) picture.data.set([...colour, 255], (py * picture.width + px) * 4);
    }
  });
}
