/** The text of docs/commands.md for what the registry says it serves and refuses. */
export function commandsDocument(support: {
  readonly refused: readonly { readonly name: string; readonly reason: string }[];
  readonly groups: readonly { readonly title: string; readonly commands: readonly string[] }[];
}): string;
