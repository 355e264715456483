/** `dump`: a subtree as commands. */
import { dumpCommands } from '../../objects/dump.ts';
import { ConfigError } from '../../objects/errors.ts';
import { placesOf } from '../../objects/kinds/kit.ts';
import { pathOf } from '../../objects/tree.ts';
import { JSON_FLAG, type Builtin } from '../builtin.ts';

const dump: Builtin = {
  help:
    'Shows the current node and what is below it as the commands that build it again.\n' +
    'Given to a shell on another machine, or to this one after `clearconfig`, they make the\n' +
    'same configuration, whatever the preferences there. Secrets are left out, and named in a\n' +
    'comment, unless show_secrets=true. Data of the disks is no part of it.\n' +
    '\n' +
    'Example: lunsmith dump show_secrets=true > rebuild.lunsmith',
  params: {
    show_secrets: {
      kind: 'bool',
      style: 'truefalse',
      default: false,
      help: 'Write passwords, too.',
    },
    json: JSON_FLAG,
  },
  seeAlso: ['saveconfig'],
  run: ({ shell, node, view, args }) => {
    const secrets = args['show_secrets'] === true;
    if (node.kind.id === 'session' || node.kind.id === 'sessions') {
      throw new ConfigError('Sessions are no part of the configuration: there is nothing to dump');
    }
    // A mapped LUN of a group is made in the group, once.
    const subtrees = node.kind.id === 'node_acl' ? placesOf(node) : [node.at];
    const lines = dumpCommands(view.document, subtrees, { secrets });
    if (args['json'] === true) return shell.console.json({ path: pathOf(node), commands: lines });
    return shell.console.display(
      lines.length === 0 ? '# nothing is configured here' : lines.join('\n'),
    );
  },
};

export const DUMP = { dump } as const;
