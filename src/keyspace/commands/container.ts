import type { ByteString } from '../../lib/bytes.ts';
import type { CommandContext, CommandFlag, CommandSpec, SubcommandSpec } from '../command.ts';
import { SimpleReply, type Reply } from '../reply.ts';

/** A subcommand with what it does; `args` are those after its name. */
export interface Subcommand extends SubcommandSpec {
  readonly run: (context: CommandContext, args: readonly ByteString[]) => Reply;
}

/** A command made of subcommands, with HELP added. Their existence and arity are checked before any of them runs. */
export function containerCommand(options: {
  readonly name: string;
  readonly flags: readonly CommandFlag[];
  readonly keys?: CommandSpec['keys'];
  /** What the bare name does, where that is allowed (COMMAND). */
  readonly bare?: (context: CommandContext) => Reply;
  readonly subcommands: readonly Subcommand[];
}): CommandSpec {
  const { name, flags, keys = [0, 0, 0], bare, subcommands } = options;
  const help: Subcommand = {
    name: 'help', arity: 2,
    run: () => [`${name.toUpperCase()} <subcommand> [<arg> ...]. Subcommands are:`, ...subcommands.map((one) => one.name.toUpperCase())].map((line) => new SimpleReply(line)),
  };
  const all = [...subcommands, help];
  const byName = new Map(all.map((one) => [one.name, one]));
  return {
    name, flags, keys, arity: bare === undefined ? -2 : -1, subcommands: all,
    run: (context, [first, ...rest]) => {
      if (first === undefined && bare !== undefined) return bare(context);
      const subcommand = byName.get(first?.toLowerCase() ?? '') ?? help;
      return subcommand.run(context, rest);
    },
  };
}
