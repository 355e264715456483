/** No input crashes the shell, and a line that cannot be read runs nothing of what it holds. */
import fc from 'fast-check';
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { commandsOf, parseLine, SyntaxProblem } from '../../../src/shell/grammar.ts';
import { runScript } from '../../../src/shell/session.ts';
import { EXAMPLE, TARGET, temporaryHome, testShell } from './kit.ts';
import type { TestShell } from './kit.ts';

const TPG = `/iscsi/${TARGET}/tpg1`;

/** Lines that change something, of which each command would be noticed if it ran. */
const LINES = [
  '/backstores/ramdisk create made 1M; cd /backstores; ls',
  '/backstores/fileio create name=made file_or_dev="/srv/my disk.img" size=1M',
  `${TPG} set auth userid=u password='a b' mutual_userid= ; ${TPG}/luns ls`,
  `${TPG}/acls create iqn.1994-05.com.redhat:c2 ; ${TPG} disable ; pwd`,
  `cd ${TPG}; set attribute authentication=1 generate_node_acls=0 # both`,
  `${TPG}/portals create ip_address=[::1] ip_port=3261 ; bookmarks add here`,
  '/iscsi/*/tpg1 set attribute login_timeout=20 ; set global color_mode=false',
  'set global tree_max_depth = 2 ; /backstores/ramdisk/ram1 rename new\\ name',
  '/backstores/fileio delete disk1 force=true ; saveconfig; clearconfig confirm=true',
];

const NASTY = [
  ...[
    '"',
    "'",
    '\\',
    '|',
    '||',
    '&&',
    ';',
    ';;',
    '#',
    '=',
    ' ',
    '\t',
    '>',
    '<',
    '*',
    '?',
    '@',
    '/',
  ],
  ...['..', '[', ']', '$(x)', '`', '\0', '\u001b[A', '\u007f', 'é', '日', '\u2028', '\ud800', '🂡'],
] as const;

interface Slip {
  readonly at: number;
  readonly removed: number;
  readonly inserted: string;
}

const slips: fc.Arbitrary<readonly Slip[]> = fc.array(
  fc.record({
    at: fc.nat(120),
    removed: fc.nat(2),
    inserted: fc.oneof(fc.constantFrom(...NASTY), fc.constant('')),
  }),
  { minLength: 1, maxLength: 4 },
);

const mutated = fc.tuple(fc.constantFrom(...LINES), slips).map(([line, found]) =>
  found.reduce((text, { at, removed, inserted }) => {
    const place = at % (text.length + 1);
    return text.slice(0, place) + inserted + text.slice(place + removed);
  }, line),
);

function readable(line: string): boolean {
  try {
    commandsOf(parseLine(line), line);
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(SyntaxProblem);
    return false;
  }
}

/** All that a command could have changed. */
const stateOf = ({ shell, client }: TestShell) => ({
  document: client.document,
  revision: client.revision,
  calls: client.calls.length,
  cwd: shell.cwd,
  preferences: { ...shell.store.preferences },
  bookmarks: { ...shell.store.bookmarks },
});

async function prepared(home: string): Promise<TestShell> {
  const made = testShell({ home });
  await made.run(...EXAMPLE);
  return made;
}

describe('a line that cannot be read', () => {
  test.each(LINES)('%s runs whole while it can', async (line) => {
    const made = await prepared(temporaryHome());
    const before = stateOf(made);
    await made.shell.runLine(line);
    expect(readable(line)).toBe(true);
    expect(stateOf(made)).not.toEqual(before);
  });

  test('runs nothing, wherever the mistake is', async () => {
    let unreadable = 0;
    const home = temporaryHome();
    await fc.assert(
      fc.asyncProperty(mutated, async (line) => {
        const made = await prepared(home);
        if (readable(line)) return;
        unreadable += 1;
        made.out.take();
        const before = stateOf(made);
        expect(await made.shell.runLine(line)).toEqual({ ok: false, exit: false });
        expect(stateOf(made)).toEqual(before);
        expect(made.out.text).toBe(made.out.errors);
        expect(made.out.text.trimEnd().split('\n').at(-1)).toMatch(/^ +\^$/);
      }),
      { numRuns: 150 },
    );
    expect(unreadable).toBeGreaterThan(30);
  }, 60_000);
});

describe('any input', () => {
  test('is answered: slips of lines that mean something', async () => {
    const home = temporaryHome();
    await fc.assert(
      fc.asyncProperty(mutated, async (line) => {
        const { shell, out } = await prepared(home);
        out.take();
        const { ok } = await shell.runLine(line);
        if (!ok) expect(out.errors).not.toBe('');
      }),
      { numRuns: 150 },
    );
  }, 60_000);

  test('is answered: any bytes as a script', async () => {
    const home = temporaryHome();
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 300 }),
        fc.boolean(),
        async (bytes, keepGoing) => {
          const { shell } = testShell({ home });
          const input = Readable.from([Buffer.from(bytes)]);
          expect([0, 1]).toContain(await runScript(shell, input, { keepGoing }));
        },
      ),
      { numRuns: 200 },
    );
  }, 60_000);
});
