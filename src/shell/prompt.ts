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
import type { Completion } from './complete.ts';
import { applyCompletion, HistoryWalk, searchHistory } from './line_editor.ts';
import type { Candidate } from './complete.ts';

export interface LinePromptConfig {
  readonly message: string;
  /** Oldest first. */
  readonly history: readonly string[];
  complete(beforeCursor: string): Promise<Completion>;
  renderChoices(choices: readonly Candidate[]): string;
  /** What stands behind the TAB may come now. */
  onCompleted(): void;
}

/** Readline's line and cursor can be set; its types say otherwise. */
interface Editor {
  line: string;
  cursor: number;
}

interface Search {
  readonly query: string;
  readonly match: string;
  readonly index: number;
  /** What was typed before Ctrl-R. */
  readonly draft: string;
}

interface Key {
  readonly name: string;
  readonly ctrl: boolean;
}

function setEditor(editor: Editor, line: string, cursor = line.length): void {
  editor.line = line;
  editor.cursor = cursor;
}

const isCtrl = (key: Key, name: string) => key.ctrl && key.name === name;

/** Resolves with the line, or undefined at end of input; Ctrl-C rejects with ExitPromptError. */
export const linePrompt = createPrompt<string | undefined, LinePromptConfig>((config, done) => {
  const [line, setLine] = useState('');
  const [below, setBelow] = useState('');
  const [search, setSearch] = useState<Search | undefined>(undefined);
  const [, setWidth] = useState(process.stdout.columns);
  const walk = useRef(new HistoryWalk(config.history));

  useEffect((rl) => {
    const onClose = () => done(undefined);
    const onResize = () => setWidth(process.stdout.columns);
    rl.on('close', onClose);
    process.stdout.on('resize', onResize);
    return () => {
      rl.removeListener('close', onClose);
      process.stdout.off('resize', onResize);
    };
  }, []);

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
    setBelow(config.renderChoices(completed.choices));
    config.onCompleted();
  };

  const find = (editor: Editor, now: Search, before: number) => {
    const found = searchHistory(config.history, now.query, before);
    const next = { ...now, match: found?.line ?? now.match, index: found?.index ?? now.index };
    setEditor(editor, now.query);
    setSearch(next);
  };

  const keepSearching = (key: Key, editor: Editor, now: Search): void => {
    if (isCtrl(key, 'r')) return find(editor, now, now.index);
    if (isCtrl(key, 'g') || key.name === 'escape') {
      setSearch(undefined);
      return show(editor, now.draft);
    }
    const typed = editor.line;
    const moved = ['left', 'right', 'up', 'down', 'home', 'end', 'tab'].includes(key.name);
    if (moved || (key.ctrl && typed === now.query)) {
      setSearch(undefined);
      show(editor, now.match);
      if (key.name === 'tab') config.onCompleted();
      return undefined;
    }
    return find(editor, { ...now, query: typed, match: '' }, config.history.length);
  };

  useKeypress((key, rl) => {
    const editor = rl as unknown as Editor;
    if (isEnterKey(key)) {
      const answer = search === undefined ? line : search.match;
      setBelow('');
      setSearch(undefined);
      setLine(answer);
      done(answer);
      return;
    }
    if (search !== undefined) return keepSearching(key, editor, search);
    if (isTabKey(key)) {
      void completeAtCursor(editor);
      return;
    }
    setBelow('');
    if (isCtrl(key, 'r')) {
      setSearch({ query: '', match: '', index: config.history.length, draft: line });
      setEditor(editor, '');
    } else if (key.name === 'up' || isCtrl(key, 'p')) {
      const older = walk.current.older(line);
      show(editor, older ?? line);
    } else if (key.name === 'down' || isCtrl(key, 'n')) {
      const newer = walk.current.newer();
      show(editor, newer ?? line);
    } else setLine(rl.line);
  });

  if (search === undefined) return [config.message + line, below];
  return [`${config.message}${search.match}\n(history search) ${search.query}`, ''];
});
