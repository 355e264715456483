import { expect, test } from 'vitest';
import { EMPTY_DOCUMENT, setIn, type Document } from '../../../src/objects/document.ts';
import { NO_IO } from '../../../src/objects/engine_port.ts';
import { impactOf, removedText } from '../../../src/objects/impact.ts';
import { IDLE_RUNTIME } from '../../fixtures/documents.ts';

const TARGET = 'iqn.2003-01.org.example:t';
const INITIATOR = 'iqn.1994-05.com.redhat:c1';
const TPG = ['iscsi', 'targets', TARGET, 'tpgs', '1'];
const disk = { size: 1024 * 1024, nullio: false, wwn: 'w1', attributes: {} };
const acl = { attributes: {}, auth: {}, mapped_luns: { '4': { lun: 0, write_protect: false } } };
const tpg = {
  enabled: true,
  attributes: {},
  parameters: {},
  auth: {},
  portals: { '0.0.0.0:3260': { iser: false } },
  luns: { '0': { storage_object: 'ramdisk/r1' } },
  acls: { [INITIATOR]: acl },
};
const DOCUMENT = setIn(
  setIn(EMPTY_DOCUMENT, ['backstores', 'ramdisk', 'r1'], disk),
  ['iscsi', 'targets', TARGET],
  { tpgs: { '1': tpg } },
);
const session = (sid: number, dynamic: boolean, mappedLun: number) => ({
  sid,
  tsih: sid,
  isid: '000000000000',
  type: 'Normal' as const,
  state: 'LOGGED_IN',
  initiator: dynamic ? 'iqn.1994-05.com.redhat:guest' : INITIATOR.toUpperCase(),
  initiatorAlias: '',
  target: TARGET,
  tpgTag: 1,
  authenticated: 'none' as const,
  dynamic,
  ageSeconds: 1,
  parameters: {},
  connections: [],
  mappedLuns: [{ mappedLun, storageObject: 'ramdisk/r1', writeProtect: false, io: NO_IO }],
});
const VIEW = {
  document: DOCUMENT,
  runtime: { ...IDLE_RUNTIME, sessions: [session(1, false, 4), session(2, true, 0)] },
};
const sids = (wanted: Document) => {
  const { ended, poorer } = impactOf(VIEW, wanted);
  return [ended.map(({ sid }) => sid), poorer.map(({ sid }) => sid)];
};

test.each([
  ['nothing changes', DOCUMENT, [], []],
  ['the target goes', setIn(DOCUMENT, TPG.slice(0, 3), undefined), [1, 2], []],
  ['the TPG is disabled', setIn(DOCUMENT, [...TPG, 'enabled'], false), [1, 2], []],
  ['the ACL goes', setIn(DOCUMENT, [...TPG, 'acls', INITIATOR], undefined), [1], []],
  [
    'the mapped LUN goes',
    setIn(DOCUMENT, [...TPG, 'acls', INITIATOR, 'mapped_luns', '4'], undefined),
    [],
    [1],
  ],
  ['the LUN goes', setIn(DOCUMENT, [...TPG, 'luns', '0'], undefined), [], [1, 2]],
  ['a portal goes', setIn(DOCUMENT, [...TPG, 'portals', '0.0.0.0:3260'], undefined), [], []],
])('when %s, the sessions that end and that lose a disk', (_what, wanted, ended, poorer) => {
  expect(sids(wanted)).toEqual([ended, poorer]);
});

test('what goes with a target is counted', () => {
  const without = setIn(DOCUMENT, TPG.slice(0, 3), undefined);
  expect(removedText(DOCUMENT, without)).toBe('1 TPG, 1 LUN, 1 node ACL, 1 mapped LUN, 1 portal');
  expect(removedText(DOCUMENT, DOCUMENT)).toBe('');
});
