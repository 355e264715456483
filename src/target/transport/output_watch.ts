/**
 * Finds peers that take nothing of what was sent to them. They may go on sending, so that no ping
 * finds them; what waits for them keeps memory, and holds up resets and changes of the storage.
 */
import type { Socket } from 'node:net';
import type { Clock, Timer } from '../../util/clock.ts';

/** Without one byte taken, while bytes wait. */
export const OUTPUT_STUCK_SECONDS = 30;
/** Looks within that time. */
const LOOKS = 5;

/** What Node's own idle timeout looks at, too. */
interface Handle {
  readonly bytesWritten?: number;
  readonly writeQueueSize?: number;
}
type WithHandle = { readonly _handle?: Handle | null };

export interface OutputWatchOptions {
  readonly socket: Socket;
  readonly clock: Clock;
  readonly stuck: (why: string) => void;
}

/** Ends with the socket. */
export function watchOutput({ socket, clock, stuck }: OutputWatchOptions): void {
  let timer: Timer | null = null;
  let taken = -1;
  let looks = 0;
  const look = (): void => {
    const handle = (socket as unknown as WithHandle)._handle;
    const left = handle?.writeQueueSize ?? 0;
    const takenNow = (handle?.bytesWritten ?? 0) - left;
    looks = left > 0 && takenNow === taken ? looks + 1 : 0;
    taken = takenNow;
    if (looks < LOOKS) watch();
    else stuck(`the initiator took no byte for ${OUTPUT_STUCK_SECONDS} seconds`);
  };
  const watch = (): void => {
    timer = clock.after((OUTPUT_STUCK_SECONDS * 1000) / LOOKS, look);
  };
  socket.once('close', () => timer?.cancel());
  watch();
}
