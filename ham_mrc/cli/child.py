"""`python -m ham_mrc.cli.child WORDS...`: the program, which stops and saves as soon as the process that began it ends.

Its standard input is a pipe that its parent holds open. However the parent ends, killed or not, the pipe closes, and a
run does not go on where nobody will take its result.
"""

from __future__ import annotations

import os
import signal
import threading


def _stop_with_parent() -> None:
    # Not by sys.stdin, whose buffer would be locked by this thread when the interpreter ends, and that is fatal.
    while os.read(0, 1):  # until it closes; nothing is ever sent
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    from ham_mrc.cli.main import main

    threading.Thread(target=_stop_with_parent, daemon=True).start()
    main()
