"""`watchword` with passwords that cost next to nothing: the program of tests, which sign in all the time.

It is run by its path, so that this folder and the working directory stay out of the module path:
`python -P tests/support/quick_watchword.py serve`. Imports take two thirds of a start, so
`quick_watchword.py --fork FOLDER PID` imports once, and forks a process for each server that
tests/support/forked.py asks for, until the process PID has ended. Then it removes the folder.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import shutil
import signal
import socket
import sys
import threading
from collections.abc import Callable
from importlib import import_module
from typing import NoReturn

from watchword.testing.cheap_passwords import cheap_passwords

FORK = "--fork"
# What a server with the built-in schema imports when it starts.
MODULES = ("watchword.cli.commands", "watchword.cli.serve", "incident_room")
# Seconds between two looks whether the tests have ended.
LOOK = 5


def fork(folder: str, owner: int) -> None:
    """Fork a process for each connection to a socket in a folder. Returns in those processes only."""
    for module in MODULES:
        import_module(module)
    gc.collect()
    gc.freeze()
    assert threading.active_count() == 1
    # Nobody waits for the processes that are forked here.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{folder}/socket")
        listener.listen()
        listener.settimeout(LOOK)
        # The tests go on when the process that they started has ended.
        if os.fork():
            os._exit(0)
        connection = _accept(listener, owner)
    if connection is None:
        shutil.rmtree(folder)
        sys.exit()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _become(connection)


def _accept(listener: socket.socket, owner: int) -> socket.socket | None:
    """Return each connection in a fork of this process, and None when the owner has ended."""
    while True:
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            if not _is_running(owner):
                return None
            continue
        if os.fork() == 0:
            return connection
        connection.close()


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _become(connection: socket.socket) -> None:
    """Be the process that is asked for; its parent tells its id and its exit code."""
    _, (output,), _, _ = socket.recv_fds(connection, 1, 1)
    with connection.makefile("rb") as lines:
        asked = json.loads(lines.readline())
    if pid := os.fork():
        connection.sendall(b"%d\n" % pid)
        _, status = os.waitpid(pid, 0)
        connection.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
        os._exit(0)
    connection.close()
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["cwd"])
    sys.argv[1:] = asked["arguments"]


def end_quickly(main: Callable[[], None]) -> NoReturn:
    """Run the program, and end without taking every module apart, which takes longer than the start of a fork."""
    code: object = 0
    try:
        main()
    except SystemExit as end:
        code = end.code
    # These wait for threads, as at any other end.
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    os._exit(code if isinstance(code, int) else code is not None)


# A worker process imports this module by the second name.
if __name__ in ("__main__", "__mp_main__"):
    # To the end of the process.
    cheap_passwords().__enter__()

if __name__ == "__main__":
    from watchword.__main__ import main

    if sys.argv[1] == FORK:
        fork(sys.argv[2], int(sys.argv[3]))
        end_quickly(main)
    main()
