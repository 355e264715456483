/** The command line in a terminal: a prompt of @inquirer/core with history, search and TAB. */
import {
  createPrompt,
  isEnterKey,
  isTabKey,
  useEffect,
  useKeypress,
  useRef,
  useState,
} from '@inquirer/core';
import type { Candidate, Completion } from './complete.ts';
import { applyCompletion, HistoryWalk, isCtrl, searchAfterKey } from './line_editor.ts';
import type { Key, Search } from './line_editor.ts';

export interface LinePromptConfig {
  readonly message: string;
  /** Oldest first. */
  readonly history: readonly string[];
  complete(beforeCursor: string): Promise<Completion>;
  renderChoices(choices: readonly Candidate[], hint: string | undefined): string;
  /** What stands behind the TAB may come now. */
  onCompleted(): void;
}

/** Readline's line and cursor can be set; its types say otherwise. */
interface Editor {
  line: string;
  cursor: number;
}

function setEditor(editor: Editor, line: string, cursor = line.length): void {
  editor.line = line;
  editor.cursor = cursor;
}

/** The line that a key of the history brings, or undefined for another key. */
function historyLine(key: Key, walk: HistoryWalk, line: string): string | undefined {
  if (key.name === 'up' || isCtrl(key, 'p')) return walk.older(line) ?? line;
  if (key.name === 'down' || isCtrl(key, 'n')) return walk.newer() ?? line;
  return undefined;
}

/** End of input ends the prompt; a resize, and the return from Ctrl-Z, draw it anew. */
function useTerminalEvents(done: (line: string | undefined) => void): void {
  const [drawn, setDrawn] = useState(0);
  const count = useRef(drawn);
  useEffect((rl) => {
    const onClose = () => done(undefined);
    const redraw = () => {
      count.current += 1;
      setDrawn(count.current);
    };
    const onContinue = () => {
      // Readline pauses its input before it says so.
      rl.resume();
      redraw();
    };
    rl.on('close', onClose);
    rl.on('SIGCONT', onContinue);
    process.stdout.on('resize', redraw);
    return () => {
      rl.removeListener('close', onClose);
      rl.removeListener('SIGCONT', onContinue);
      process.stdout.removeListener('resize', redraw);
    };
  }, []);
}

/** Resolves with the line, or undefined at end of input; Ctrl-C rejects with ExitPromptError. */
export const linePrompt = createPrompt<string | undefined, LinePromptConfig>((config, done) => {
  const [line, setLine] = useState('');
  const [below, setBelow] = useState('');
  const [search, setSearch] = useState<Search | undefined>(undefined);
  const walk = useRef(new HistoryWalk(config.history));
  useTerminalEvents(done);

  const show = (editor: Editor, text: string, cursor = text.length) => {
    setEditor(editor, text, cursor);
    setLine(text);
  };

  const completeAtCursor = async (editor: Editor) => {
    // Readline has put the TAB itself into the line.
    const before = editor.line.slice(0, editor.cursor).replace(/\t$/, '');
    const after = editor.line.slice(editor.cursor);
    show(editor, before + after, before.length);
    const completion = await config.complete(before);
    const completed = applyCompletion(before + after, before.length, completion);
    show(editor, completed.line, completed.cursor);
    // What could be inserted needs no explanation.
    const hint = completed.line === before + after ? completion.hint : undefined;
    setBelow(config.renderChoices(completed.choices, hint));
    config.onCompleted();
  };

  const keepSearching = (key: Key, editor: Editor, now: Search) => {
    const next = searchAfterKey(now, key, editor.line, config.history);
    if (typeof next === 'string') {
      setSearch(undefined);
      show(editor, next);
      if (key.name === 'tab') config.onCompleted();
    } else {
      setEditor(editor, next.query);
      setSearch(next);
    }
  };

  const accept = (answer: string) => {
    setBelow('');
    setSearch(undefined);
    setLine(answer);
    done(answer);
  };

  useKeypress((key, rl) => {
    const editor = rl as unknown as Editor;
    if (isEnterKey(key)) return accept(search === undefined ? line : search.match);
    if (search !== undefined) return keepSearching(key, editor, search);
    if (isTabKey(key)) return void completeAtCursor(editor);
    setBelow('');
    if (isCtrl(key, 'r')) {
      setSearch({ query: '', match: '', index: config.history.length, draft: line });
      return setEditor(editor, '');
    }
    const recalled = historyLine(key, walk.current, line);
    return recalled === undefined ? setLine(rl.line) : show(editor, recalled);
  });

  if (search === undefined) return [config.message + line, below];
  return [`${config.message}${search.match}\n(history search) ${search.query}`, ''];
});
