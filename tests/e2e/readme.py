"""The commands of a section of README, run as a reader would type them after ``make demo``."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).resolve().parents[2] / "README.md"


def commands_of(section: str) -> list[str]:
    """The code blocks below a heading."""
    text = README.read_text("utf-8").split(f"\n## {section}\n", 1)[1].split("\n## ", 1)[0]
    return re.findall(r"^```\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def follow(section: str, checkout: Path) -> str:
    """What the shell says to all commands of a section, in a folder with ``var/demo`` in it."""
    kyojo = Path(sys.prefix) / "bin" / "kyojo"
    for tool in ("sh", "curl", "od", "sha256sum", "python3"):
        if shutil.which(tool) is None:
            pytest.skip(f"SKIPPED FOR WANT OF {tool.upper()}: README's commands use it")
    if not kyojo.exists():
        pytest.skip("SKIPPED FOR WANT OF AN INSTALLED kyojo: make setup installs it")
    if not (checkout / ".venv").exists():
        (checkout / ".venv").symlink_to(sys.prefix)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("KYOJO")}
    blocks = commands_of(section)
    assert blocks
    done = subprocess.run(
        ["sh", "-e", "-c", "\n".join(blocks)],
        cwd=checkout, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
