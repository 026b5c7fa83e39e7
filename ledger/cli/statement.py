"""Statements as files: the office writes all of a month, and anybody verifies one offline."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ledger.audit.correction import is_correction, verify_correction_file
from ledger.audit.payable import lookup_of
from ledger.audit.statement import (
    STATEMENT_BYTES_MAX,
    StatementReport,
    verify_statement_file,
    with_bundle,
)
from ledger.audit.trust import Trust
from ledger.cli.office import chosen
from ledger.cli.output import progress, show
from ledger.cli.trust import read_trust
from ledger.errors import InvalidInput
from ledger.paper.correction_files import correction_file
from ledger.paper.correction_view import correction_view
from ledger.paper.files import FORMATS, Format, statement_file
from ledger.paper.payable_view import payable_view
from ledger.paper.speech import Language, Speech
from ledger.service.audit import verify_file
from ledger.service.correct import untold_parts
from ledger.service.statements import office_statements
from ledger.settlement.explain import explain_lines

Commands = Any


def add_commands(commands: Commands, shared: argparse.ArgumentParser) -> None:
    """Add the commands to the parser."""
    write = commands.add_parser(
        "statements", parents=[shared], help="write the statements of a month, one file a member"
    )
    write.add_argument("period", metavar="YYYY-MM")
    write.add_argument(
        "--config", help="the configuration file (default: KYOJO_CONFIG, kyojo.toml)"
    )
    write.add_argument("--coop", help="the co-op's short name; not needed where there is only one")
    write.add_argument("--out", type=Path, required=True, help="the folder for the files")
    write.add_argument(
        "--format", action="append", choices=FORMATS, help="may be repeated; default: json and pdf"
    )
    add_look(write)
    write.set_defaults(run=write_statements)

    verify = commands.add_parser(
        "verify-statement",
        parents=[shared],
        help="verify a statement's JSON; needs no database and no server",
        epilog="exit status: 0 verified, 3 not verified, 4 consistent (no trust file), 2 unusable",
    )
    verify.add_argument("file", type=Path)
    verify.add_argument("--trust", type=Path, help="what you know of the co-op from elsewhere")
    verify.add_argument(
        "--bundle", type=Path, help="an audit bundle: compares what is payable with its state"
    )
    verify.add_argument("--language", choices=("en", "ja"), default="en")
    verify.set_defaults(run=run_verify_statement)


def add_look(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how a statement's file looks."""
    parser.add_argument("--language", choices=("en", "ja"), default="en")
    parser.add_argument(
        "--font", type=Path, help="a TrueType file whose Japanese letters a PDF shall embed"
    )


def write_statements(options: argparse.Namespace) -> int:
    """Write every member's statement, and that of suspense, in each format.

    Also the parts of corrections posted with the month that no statement of it tells: of firms that
    have left, and of all where the month is divided in another currency.
    """
    formats = options.format or ["json", "pdf"]
    with chosen(options) as (_, coop):
        found = office_statements(coop, options.period)
        untold = untold_parts(coop, options.period)
    options.out.mkdir(parents=True, exist_ok=True)
    written = []
    with progress("statements", quiet=options.json) as report:
        for done, (member, document) in enumerate(found.items(), 1):
            for form in formats:
                path = options.out / f"{options.period}-{file_name(member)}.{form}"
                path.write_bytes(statement_file(document, form, options.language, options.font))
                written.append(str(path))
            report(done, len(found))
    for (correction, member), document in untold.items():
        for form in formats:
            name = f"{options.period}-{file_name(member)}-correction-{correction[:12]}.{form}"
            data = correction_file(document, form, options.language, options.font)
            (options.out / name).write_bytes(data)
            written.append(str(options.out / name))
    text = f"{options.out}: {len(written)} files, statements of {len(found)} accounts"
    if untold:
        text += f", {len(untold)} of corrections that no statement tells"
    show(text, {"files": written}, as_json=options.json)
    return 0


def _compared(
    report: StatementReport, path: Path, trust: Trust | None, *, quiet: bool
) -> StatementReport:
    """The report, with what is payable compared with the state in the bundle at ``path``."""
    lookup = lookup_of(report.document)
    try:
        with progress("entries", quiet=quiet) as told:
            found = verify_file(path, trust, progress=told, see=lookup.see)
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error}") from error
    return with_bundle(report, found, lookup)


def payable_text(document: Mapping[str, Any], language: Language) -> list[str]:
    """What is payable in words, from a member statement that says so; no lines otherwise."""
    public = document["statement"]["settlement"]
    say = Speech(language, public["currency"], public["minor_digits"])
    part = payable_view(say, document.get("payable"))
    if part is None:
        return []
    rows = [f"    {row.label}: {row.amount} {row.source}".rstrip() for row in part.rows]
    return [f"{part.label}: {part.total}", *rows]


def statement_text(statement: Mapping[str, Any], language: str) -> str:
    """A statement in words: every amount, back to its inputs."""
    lines = []
    for line in explain_lines(statement):
        label = line["label"].get(language, line["step"])  # a rule need not have words
        lines.append(f"{label}: {line['amount_minor']}")
        lines += [f"    {sentence[language]}" for sentence in line["text"]]
    return "\n".join(lines)


def format_of(path: Path) -> Format:
    """The format that a file's name asks for; raises InvalidInput for another ending."""
    for form in FORMATS:
        if path.suffix == f".{form}":
            return form
    endings = ", ".join(f".{form}" for form in FORMATS)
    raise InvalidInput(f"{path} must end in one of {endings}: that chooses the format")


def file_name(member: str) -> str:
    """A member's id as a part of a file's name: what could lead elsewhere is written as hex."""
    safe = (one if one.isalnum() or one in "-_" else f"%{ord(one):02x}" for one in member)
    return "".join(safe)


def run_verify_statement(options: argparse.Namespace) -> int:
    """Verify a statement, or a part of a correction, and tell each of its amounts."""
    trust = None if options.trust is None else read_trust(options.trust)
    data = _read(options.file)
    if is_correction(data):
        return _verify_correction(options, verify_correction_file(data, trust))
    report = verify_statement_file(data, trust)
    if options.bundle is not None:
        report = _compared(report, options.bundle, trust, quiet=options.json)
    part = report.document.get("payable")
    document = {
        "verdict": "verified" if report.is_trusted else "consistent",
        "period": report.document["statement"]["settlement"]["period"],
        "member": report.document["member"],
        "settlement_id": report.document["statement"]["settlement_id"],
        "net_minor": report.document["statement"]["net_minor"],
        **({} if part is None else {"payable": part}),
        "checked": [remark.en for remark in report.checked],
        "not_checked": [remark.en for remark in report.not_checked],
    }
    show(_text(report, options.language), document, as_json=options.json)
    return report.exit_code


def _verify_correction(options: argparse.Namespace, report: StatementReport) -> int:
    own = report.document["statement"]
    part = report.document.get("payable")
    document = {
        "verdict": "verified" if report.is_trusted else "consistent",
        "posted_in": own["correction"]["posted_in"],
        "member": report.document["member"],
        "correction_id": own["correction_id"],
        "net_minor": own["net_minor"],
        **({} if part is None else {"payable": part}),
        "checked": [remark.en for remark in report.checked],
        "not_checked": [remark.en for remark in report.not_checked],
    }
    words = correction_text(report.document, options.language)
    show(_judged(report, words, options.language), document, as_json=options.json)
    return report.exit_code


def correction_text(document: Mapping[str, Any], language: Language) -> list[str]:
    """A member's part of a correction in words: by month, in all, and what is payable."""
    view = correction_view(document, language)
    lines = [f"{row.month} {row.label}: {row.amount}" for row in view.rows]
    lines.append(f"{'合計' if language == 'ja' else 'Sum'}: {view.net}")
    if view.payable is not None:
        rows = [f"    {row.label}: {row.amount} {row.source}".rstrip() for row in view.payable.rows]
        lines += [f"{view.payable.label}: {view.payable.total}", *rows]
    return lines


def _text(report: StatementReport, language: Language) -> str:
    lines = [statement_text(report.document["statement"], language)]
    return _judged(report, lines + payable_text(report.document, language), language)


def _judged(report: StatementReport, words: list[str], language: Language) -> str:
    ja = language == "ja"
    if report.is_trusted:
        verdict = "検証済み" if ja else "VERIFIED"
    else:
        verdict = (
            "それ自体は整合（信頼ファイルなし）" if ja else "CONSISTENT with itself; no trust file"
        )
    heads = ("確かめたこと:", "確かめていないこと:") if ja else ("Checked:", "Not checked:")
    lines = [verdict, "", *words]
    for head, remarks in zip(heads, (report.checked, report.not_checked), strict=True):
        lines += ["", head, *(f"  - {remark.ja if ja else remark.en}" for remark in remarks)]
    return "\n".join(lines)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(STATEMENT_BYTES_MAX + 1)
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error}") from error
