"""Build the verifier's one page from its sources: ``python verifier/build.py [--check]``.

The sources are ES modules, which a page opened from a file cannot load. Each becomes a function
of its own in one script, with its imports as constants, in the order in which they are needed;
nothing is renamed or shortened, so the page reads like its sources. The page's policy admits this
very script by its hash, and no connection. The page lies in the package ``api``, which serves it at
``/verify`` and which the wheel ships.

``--check`` writes nothing and fails if the committed page is not what the sources give.
"""

from __future__ import annotations

import base64
import re
import sys
from hashlib import sha256
from pathlib import Path, PurePosixPath
from posixpath import normpath

HERE = Path(__file__).parent
PAGE = HERE.parent / "api" / "pages" / "verifier.html"
ENTRY = "main.js"

_IMPORT = re.compile(r'^import (\{[^}]*\}|\* as \w+) from\s+"(\.\.?/[\w./]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export ((?:async )?function\*?|class|const) (\w+)", re.MULTILINE)


def policy_of(script: str, style: str) -> str:
    """What the page may do: run this one script, here and in its worker, and nothing else."""
    program, look = (
        base64.b64encode(sha256(text.encode()).digest()).decode() for text in (script, style)
    )
    return (
        f"default-src 'none'; script-src 'sha256-{program}' blob:; worker-src blob:; "
        f"style-src 'sha256-{look}'; connect-src 'none'; form-action 'none'; base-uri 'none'"
    )


def module_names(name: str, found: list[str], above: tuple[str, ...] = ()) -> list[str]:
    """All modules that ``name`` needs and itself, each after those that it needs."""
    if name in above:
        raise SystemExit(f"the modules import each other in a circle: {' > '.join(above)} > {name}")
    if name not in found:
        for _, needed in _IMPORT.findall((HERE / "src" / name).read_text("utf-8")):
            module_names(_name(name, needed), found, (*above, name))
        found.append(name)
    return found


def wrapped(name: str) -> str:
    """A module as a constant: a function that is called once and gives what it exports."""
    source = (HERE / "src" / name).read_text("utf-8")
    exports = [found for _, found in _EXPORT.findall(source)]
    imports = [
        f"const {what.removeprefix('* as ')} = {_constant(_name(name, needed))};"
        for what, needed in _IMPORT.findall(source)
    ]
    body = _EXPORT.sub(r"\1 \2", _IMPORT.sub("", source)).strip("\n")
    if re.search(r"^(import|export)\b", body, re.MULTILINE):
        raise SystemExit(f"{name}: an import or export that this script does not know")
    lines = [f"const {_constant(name)} = (() => {{", *imports, body]
    return "\n".join([*lines, f"return {{ {', '.join(exports)} }};", "})();", ""])


def build() -> str:
    """The text of the page."""
    modules = "\n".join(map(wrapped, module_names(ENTRY, [])))
    script = f'\n"use strict";\n(() => {{\n{modules}}})();\n'
    page = (HERE / "page.html").read_text("utf-8")
    style = "\n" + (HERE / "style.css").read_text("utf-8")
    for name in ("script", "style"):
        page = page.replace(f"\n{{{{{name}}}}}", f"{{{{{name}}}}}")
    page = page.replace("{{policy}}", policy_of(script, style)).replace("{{style}}", style)
    return page.replace("{{script}}", script)


def main() -> int:
    """Write the page, or compare it."""
    text = build()
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(text, "utf-8")
    elif not PAGE.is_file() or PAGE.read_text("utf-8") != text:
        sys.stderr.write(f"{PAGE} is not what its sources give; run verifier/build.py\n")
        return 1
    return 0


def _name(importer: str, needed: str) -> str:
    """The module that ``importer`` names ``needed``, from the folder of the sources."""
    return normpath(PurePosixPath(importer).parent / needed)


def _constant(name: str) -> str:
    return "MODULE_" + name.removesuffix(".js").replace("/", "_").upper()


if __name__ == "__main__":
    sys.exit(main())
