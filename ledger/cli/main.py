"""Parsing the command line, and the one place where errors become exit codes."""

from __future__ import annotations

import argparse
import gc
import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

from ledger.cli.output import exit_code, show_error
from ledger.errors import InvalidInput, InvariantViolated, KyojoError

EPILOG = """\
exit codes: 0 done · 1 a case came out differently (rules test) · 2 unusable arguments or input
· 3 infeasible, not verified, or damaged (fsck) · 4 consistent with itself, but no trust file (audit
verify, verify-proof, verify-statement) · 5 not permitted · 6 conflict · 7 unavailable, try again
· 8 not found · 70 a bug of kyojo
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; without ``arguments``, those of this process."""
    if arguments is not None:
        return _run(arguments)
    code = _run(sys.argv[1:])
    gc.freeze()  # the process ends: Python need not search all that it holds for circles first
    return code


def _run(arguments: Sequence[str]) -> int:
    words = list(arguments)
    options = build_parser(words[0] if words else None).parse_args(words)
    try:
        code: int = options.run(options)
        sys.stdout.flush()  # here, where a reader who has gone away is understood
    except KyojoError as error:
        return _report(error, options)
    except BrokenPipeError:
        # Whoever read our output has seen enough; Python would complain again while it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        return _report(_unusable(error), options)
    except KeyboardInterrupt:
        print("kyojo: stopped; every command may be run again", file=sys.stderr)
        return 130
    except Exception as error:  # noqa: BLE001 - a bug: its place is told, and the exit code too
        traceback.print_exc()
        text = f"kyojo failed with {type(error).__name__}: {error}"
        return _report(InvariantViolated(text), options)
    return code


def _report(error: KyojoError, options: argparse.Namespace) -> int:
    show_error(error, as_json=options.json)
    return exit_code(error)


def _unusable(error: OSError) -> KyojoError:
    """A file or place that the arguments name and the system refuses."""
    where = "" if error.filename is None else f"{error.filename}: "
    return InvalidInput(f"{where}{error.strerror or error}")


class Parser(argparse.ArgumentParser):
    """A parser whose complaints tell the way out in both languages."""

    def error(self, message: str) -> NoReturn:
        """Print what is wrong with the arguments, and leave with exit code 2."""
        self.print_usage(sys.stderr)
        self.exit(
            2,
            f"{self.prog}: {message}\n  → `{self.prog} --help` shows what it takes.\n"
            f"  → 引数は `{self.prog} --help` で確認できます。\n",
        )


class _Version(argparse.Action):
    """Looks the version up when it is asked for: the processes of an audit start with this too."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        """Print the version, and leave."""
        from importlib.metadata import version  # noqa: PLC0415

        print(f"kyojo {version('kyojo')}")
        parser.exit()


def build_parser(command: str | None = None) -> argparse.ArgumentParser:
    """The parser of all commands, or only of those that belong with ``command``."""
    parser = Parser(
        prog="kyojo",
        description="A profit-sharing co-op ledger (共助).",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show kyojo's version and exit")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--json", action="store_true", help="print one JSON document")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", title="commands")
    for module in _modules(command):
        module.add_commands(commands, shared)
    return parser


# Imported when asked for: with all of them come database, server and client, and verifying a small
# bundle, or trying a rule set, would spend most of its time on loading what it does not use.
COMMANDS = {
    "office": ("serve", "key", "found", "status", "open", "closing", "close", "propose", "settle",
               "propose-rules", "decide", "draft", "rebuild", "authority"),
    "anchor": ("anchor",),
    "correct": ("correct",),
    "payout": ("payout",),
    "books": ("books",),
    "erase": ("erase",),
    "charter": ("charter",),
    "logkeys": ("log-key",),
    "contracts": ("anchor-contract",),
    "quorum": ("quorum",),
    "statement": ("statements", "verify-statement"),
    "member": ("member",),
    "audit": ("audit",),
    "proof": ("prove", "verify-proof"),
    "rules": ("rules",),
    "witness": ("witness", "publish"),
    "fsck": ("fsck",),
    "recover": ("recover",),
}  # fmt: skip
"""Which module of this package has which commands."""


def _modules(command: str | None) -> tuple[Any, ...]:
    """The module that has the command; all of them for a word that is none."""
    for module, commands in COMMANDS.items():
        if command in commands:
            return (import_module(f"ledger.cli.{module}"),)
    return _all_modules()


def _all_modules() -> tuple[Any, ...]:
    from ledger.cli import (  # noqa: PLC0415
        anchor,
        audit,
        books,
        charter,
        contracts,
        correct,
        erase,
        fsck,
        logkeys,
        member,
        office,
        payout,
        proof,
        quorum,
        recover,
        rules,
        statement,
        witness,
    )

    office_own = (office, anchor, correct, payout, books, erase, logkeys, contracts, quorum)
    shared = (*office_own, charter, statement, member, audit, proof, rules)
    return *shared, witness, fsck, recover
