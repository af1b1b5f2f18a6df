"""The entry point: from a command line to an exit code, whatever happens on the way.

0 done   1 a check failed   2 wrong usage or input   130 interrupted   70 our own bug
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Any, NoReturn

from ham_mrc import __version__
from ham_mrc.errors import HamError

PROGRAM = "ham-mrc"
DONE, WRONG_INPUT, OUR_BUG, INTERRUPTED = 0, 2, 70, 130


def main() -> NoReturn:
    """Run the command line of this process and exit."""
    if sys.argv[1:] == ["--version"]:
        # Answered before anything else is imported: scripts ask for it often.
        with contextlib.suppress(BrokenPipeError):
            print(f"{PROGRAM} {__version__}")
        code = DONE
    else:
        signal.signal(signal.SIGTERM, _terminate)
        _prepare_streams()
        code = run(sys.argv[1:])
    _flush_for_good()
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run one command line in this process and return its exit code; nothing but SystemExit escapes."""
    from ham_mrc.cli.output import error, notice

    try:
        return _dispatch(list(arguments))
    except HamError as fault:
        if "--debug" in arguments:
            _print_traceback()
        error(str(fault))
        return fault.exit_code
    except KeyboardInterrupt as stop:
        notice(f"interrupted; {stop}" if str(stop) else "interrupted")
        return INTERRUPTED
    except BaseException as fault:
        if _reader_has_gone(fault):
            return DONE
        if not isinstance(fault, Exception):
            raise
        _print_traceback()
        error(f"this is a bug in {PROGRAM}; please report the lines above together with what `{PROGRAM} info` prints")
        return OUR_BUG


def _print_traceback() -> None:
    import traceback

    traceback.print_exc()


def _dispatch(arguments: list[str]) -> int:
    completing = f"_{PROGRAM}_COMPLETE".replace("-", "_").upper() in os.environ
    if arguments[:1] == ["eval"] and not completing:
        from ham_mrc.cli import quick, scoring

        wanted = quick.read(arguments)
        if wanted is not None:
            return scoring.run(wanted)
    return _with_typer(arguments, completing)


def _with_typer(arguments: list[str], completing: bool) -> int:
    import typer

    from ham_mrc.cli.app import command, words_of_command

    usage_error: Any = typer.BadParameter.__mro__[1]  # UsageError, which Typer does not export
    root = command(*words_of_command(arguments))
    if completing:
        root.main(arguments, prog_name=PROGRAM)
    if not arguments:
        with contextlib.redirect_stdout(sys.stderr):
            _dispatch(["--help"])
        return WRONG_INPUT
    try:
        with root.make_context(PROGRAM, arguments) as context:
            root.invoke(context)
    except typer.Exit as end:
        return end.exit_code
    except typer.Abort:
        raise KeyboardInterrupt from None
    except usage_error as fault:
        raise _in_our_words(fault, " ".join([PROGRAM, *_named(root, arguments)])) from fault
    return DONE


def _named(group: Any, arguments: Sequence[str]) -> list[str]:
    """The command that `arguments` name, as words, options before and between them left out."""
    words: list[str] = []
    for argument in arguments:
        if argument in getattr(group, "commands", {}):
            words.append(argument)
            group = group.commands[argument]
    return words


def _in_our_words(fault: Any, command: str) -> HamError:
    """Typer's complaint about the usage of `command`: `no such option: --sed; did you mean --seed? try ... --help`."""
    text = " ".join(str(fault.format_message()).split()).rstrip(".").replace(" Value error,", "")
    text = text[:1].lower() + text[1:]
    text, *guesses = re.split(r"[.;]? \(?(?:Possible options:|[Dd]id you mean) ", text)
    suggestion = f"did you mean {re.split('[)?]', guesses[0])[0]}? " if guesses else ""
    return HamError(text, remedy=f"{suggestion}try {command} --help")


def _reader_has_gone(fault: BaseException) -> bool:
    """Whether `fault` comes from a closed standard output: `ham-mrc ... | head` is no error.

    A BrokenPipeError may also come from elsewhere, as from a worker process that died, and must not pass for
    success; but where rich met one while it printed the help, it made a SystemExit of it.
    """
    if not isinstance(fault, BrokenPipeError):
        return isinstance(fault, SystemExit) and isinstance(fault.__context__, BrokenPipeError)
    import select

    if sys.stdout is None or not hasattr(select, "poll"):
        return True
    with contextlib.suppress(OSError):
        poll = select.poll()
        poll.register(sys.stdout.fileno(), 0)
        return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))
    return False


def _terminate(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _prepare_streams() -> None:
    """Make both streams exist and take every character: passages are not bound to the locale of a log."""
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure:
            reconfigure(encoding=None if stream.isatty() else "utf-8", errors="replace")


def _flush_for_good() -> None:
    """Empty the buffers; where nobody reads them any more, keep Python from complaining about it at its end."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
