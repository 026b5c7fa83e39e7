"""Legal forms of a co-op, which a rule set may name as its ``profile`` (RULES.md section 11).

A profile adds checks to those that every rule set must pass; ``generic`` adds none. A module here
holds the checks of one form. A form without a module is only a name that is signed with the rules:
nothing of it is checked, and a professional has to.
"""

from __future__ import annotations

from typing import Literal

Profile = Literal["generic", "jp-sme-coop", "jp-worker-coop", "jp-llp"]
