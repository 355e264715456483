/** Messages that scripts written for targetcli look for: each is printed in some transcript. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const MESSAGES = [
  /^(Info: )?Created fileio \S+ with size \d+$/m,
  /^(Info: )?Created block storage object \S+ using \S+\.$/m,
  /^(Info: )?Created ramdisk \S+ with size \S+\.$/m,
  /^(Info: )?Created target \S+\.$/m,
  /^(Info: )?Created TPG \d+\.$/m,
  /^(Info: )?Created default portal listening on all IPs \(0\.0\.0\.0\), port 3260\.$/m,
  /^(Info: )?Created LUN \d+\.$/m,
  /^(Info: )?Created LUN \d+->\d+ mapping in node ACL \S+$/m,
  /^(Info: )?Created Node ACL for \S+$/m,
  /^(Info: )?Created mapped LUN \d+\.$/m,
  /^(Info: )?Created Mapped LUN \d+\.$/m,
  /^(Info: )?Created network portal \S+:\d+\.$/m,
  /^(Info: )?Deleted storage object \S+\.$/m,
  /^(Info: )?Deleted Target \S+\.$/m,
  /^(Info: )?Deleted TPGT \d+\.$/m,
  /^(Info: )?Deleted LUN \d+\.$/m,
  /^(Info: )?Deleted Node ACL \S+\.$/m,
  /^(Info: )?Deleted Mapped LUN \d+\.$/m,
  /^(Info: )?Deleted network portal \S+:\d+$/m,
  /^Parameter \S+ is now '[^']*'\.$/m,
  /^(Info: )?Configuration saved to \S+$/m,
  /^(Info: )?Last \d+ configs saved in \S+\.$/m,
  /^(Info: )?Configuration restored from \S+$/m,
  /^(Info: )?All configuration cleared$/m,
  /^(Info: )?The TPGT has been enabled\.$/m,
  /^\(no open sessions\)$/m,
  /^(Error: )?This (Target|NodeACL|LUN|NetworkPortal|TPG) already exists in configFS/m,
  /^(Error: )?No such Target in configfs: \S+$/m,
  /^(Error: )?No storage object named \S+\.$/m,
  /^(Error: )?No such path \S+/m,
  /^(Error: )?WWN not valid as: iqn, naa, eui/m,
  /^(Error: )?Storage object \S+\/\S+ exists$/m,
  /^(Error: )?Restore file \S+ not found$/m,
  /^(Error: )?storage object or path not valid/m,
  /^(Error: )?Cannot set attribute \S+: /m,
  /^(Error: )?Could not create NetworkPortal in configFS: /m,
  /^(Error: )?Missing required parameter \S+/m,
  /^(Error: )?Command not found \S+/m,
];

const transcripts = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.transcript'))
  .map((name) => readFileSync(join(import.meta.dirname, name), 'utf8'))
  .join('\n');

test.each(MESSAGES)('%s is printed', (message) => {
  expect(transcripts).toMatch(message);
});
