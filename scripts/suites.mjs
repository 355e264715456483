// The suites of `npm test`, fast ones first. Each but `check` is one vitest project.
export const SUITES = [
  { name: 'check', title: 'Types, lint, format and generated files' },
  { name: 'tidy', title: 'Layers, sizes and forbidden words' },
  { name: 'unit', title: 'Units', minutes: 10 },
  { name: 'shell', title: 'Shell sessions against their transcripts' },
  { name: 'loopback', title: 'The engine and a small initiator of our own, over TCP' },
  { name: 'e2e', title: 'The whole program' },
  { name: 'terminal', title: 'The shell in a real terminal (tmux)' },
  { name: 'interop', title: 'libiscsi and QEMU as initiators', minutes: 15 },
  { name: 'conformance', title: 'libiscsi test suite, case by case', minutes: 25 },
  { name: 'lab', title: 'The Linux initiator in a virtual machine', minutes: 30 },
];
