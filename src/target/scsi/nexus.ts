/** I_T nexus as scsi sees it; the iSCSI session owns one. Filled in by the SCSI layer. */
export interface ItNexus {
  readonly initiatorPort: string;
}
