// Being asked to stop. A signal only leaves a mark; the program looks at it where it can end in order.
#pragma once

namespace layersweep::base {

/// From now on SIGTERM, SIGINT and SIGUSR1 leave a mark instead of ending the process; further ones change nothing. What
/// was marked before is forgotten.
void note_stop_signals();

/// As if SIGTERM had come, whether or not signals are noted.
void request_stop();

/// The first such signal since then, 0 while there was none.
int noted_stop_signal();

}  // namespace layersweep::base
