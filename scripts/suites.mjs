// The suites of `npm test`, fast ones first. Each but `check` is one vitest project, unless it
// names its own: `threads` runs parts of others again.

/** Of libiscsi's suite: state that data threads share, and order of commands. */
const SHARED_STATE = 'ModeSense6,Unmap,Write10,CompareAndWrite,iSCSITMF,iSCSICmdSN,MultipathIO';

export const SUITES = [
  { name: 'check', title: 'Types, lint, format and generated files' },
  { name: 'tidy', title: 'Layers, sizes and forbidden words' },
  { name: 'unit', title: 'Units', minutes: 10 },
  { name: 'shell', title: 'Shell sessions against their transcripts' },
  { name: 'loopback', title: 'The engine and a small initiator of our own, over TCP' },
  { name: 'e2e', title: 'The whole program' },
  { name: 'terminal', title: 'The shell in a real terminal (tmux)' },
  { name: 'interop', title: 'libiscsi and QEMU as initiators', minutes: 15 },
  {
    name: 'threads',
    title: 'Two data threads: parts of loopback, interop and conformance',
    minutes: 10,
    projects: ['loopback', 'interop', 'conformance'],
    files: ['commands', 'config_changes', 'live_changes', 'image_copy', 'libiscsi'],
    env: { LUNSMITH_TEST_DATA_THREADS: '2', LUNSMITH_TEST_FAMILIES: SHARED_STATE },
  },
  { name: 'conformance', title: 'libiscsi test suite, case by case', minutes: 25 },
  { name: 'lab', title: 'The Linux initiator in a virtual machine', minutes: 30 },
];
