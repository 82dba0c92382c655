/** The tag in what stands behind `FS.L`: `<tag>` or `<tag>;<now>`. */
export function tagIn(laneTag: string): string {
  const at = laneTag.indexOf(';');
  return at < 0 ? laneTag : laneTag.slice(0, at);
}
